@echo off
rem Takes the service and the program away. The home with all orders stays.
setlocal
set "PROGRAM=%ProgramFiles%\extend-edge"
net session >nul 2>&1
if errorlevel 1 (
    echo This needs an administrator: right-click uninstall.cmd and choose "Run as administrator".
    exit /b 1
)
"%PROGRAM%\extend-edge.exe" service uninstall
if errorlevel 1 exit /b 1
rmdir /s /q "%PROGRAM%"
