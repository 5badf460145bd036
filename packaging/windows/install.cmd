@echo off
rem Installs extend-edge as a service. Right-click, "Run as administrator".
rem usage: install.cmd [HOME] [WEBSHOP-ACCOUNT]      HOME is a folder, else %ProgramData%\extend-edge
setlocal
set "SHOP=%~1"
if "%SHOP%"=="" set "SHOP=%ProgramData%\extend-edge"
set "PROGRAM=%ProgramFiles%\extend-edge"
net session >nul 2>&1
if errorlevel 1 (
    echo This needs an administrator: right-click install.cmd and choose "Run as administrator".
    exit /b 1
)
if not exist "%PROGRAM%" mkdir "%PROGRAM%"
sc query extend-edge >nul 2>&1 && "%PROGRAM%\extend-edge.exe" service stop
copy /y "%~dp0extend-edge.exe" "%PROGRAM%\extend-edge.exe" >nul || exit /b 1
if not exist "%SHOP%\extend-edge.toml" (
    "%PROGRAM%\extend-edge.exe" init --home "%SHOP%" || exit /b 1
    echo.
    echo Fill in [extend] in the settings that open now, save them, close the editor.
    notepad "%SHOP%\extend-edge.toml"
)
"%PROGRAM%\extend-edge.exe" check --home "%SHOP%"
if "%~2"=="" (
    "%PROGRAM%\extend-edge.exe" service install --home "%SHOP%"
) else (
    "%PROGRAM%\extend-edge.exe" service install --home "%SHOP%" --group "%~2"
)
exit /b %errorlevel%
