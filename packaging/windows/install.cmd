@echo off
rem Installs extend-edge as a service. Right-click, "Run as administrator".
rem usage: install.cmd [HOME] [WEBSHOP-ACCOUNT]      HOME is a folder, else %ProgramData%\extend-edge
setlocal
set "SHOP=%~1"
if "%SHOP%"=="" set "SHOP=%ProgramData%\extend-edge"
set "PROGRAM=%ProgramFiles%\extend-edge"
if not exist "%PROGRAM%" mkdir "%PROGRAM%"
rem An older one is stopped, so that it can be replaced. The first time there is none.
if exist "%PROGRAM%\extend-edge.exe" "%PROGRAM%\extend-edge.exe" service stop >nul 2>&1
copy /y "%~dp0extend-edge.exe" "%PROGRAM%\extend-edge.exe" >nul
if errorlevel 1 goto refused
set "NEW=yes"
if exist "%SHOP%\extend-edge.toml" set "NEW=no"
"%PROGRAM%\extend-edge.exe" init --home "%SHOP%"
if errorlevel 1 exit /b 1
if "%NEW%"=="no" goto settled
echo.
echo Fill in [extend] in the settings that open now, save them, close the editor.
notepad "%SHOP%\extend-edge.toml"
:settled
"%PROGRAM%\extend-edge.exe" check --home "%SHOP%"
if not "%~2"=="" goto shared
"%PROGRAM%\extend-edge.exe" service install --home "%SHOP%"
exit /b %errorlevel%
:shared
"%PROGRAM%\extend-edge.exe" service install --home "%SHOP%" --group "%~2"
exit /b %errorlevel%
:refused
echo "%PROGRAM%" can't be written. Right-click install.cmd and choose "Run as administrator"; if it says so all the same,
echo some program holds extend-edge.exe there.
exit /b 1
