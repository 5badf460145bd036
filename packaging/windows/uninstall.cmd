@echo off
rem Takes the service and the program away. The home with all orders stays.
setlocal
set "PROGRAM=%ProgramFiles%\extend-edge"
"%PROGRAM%\extend-edge.exe" service uninstall
if errorlevel 1 goto refused
rmdir /s /q "%PROGRAM%"
exit /b 0
:refused
echo Right-click uninstall.cmd and choose "Run as administrator".
exit /b 1
