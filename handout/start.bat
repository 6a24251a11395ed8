@echo off
rem Starts the course on Windows: double-click it.
cd /d "%~dp0"
py -3 -c "import sys; sys.exit(sys.version_info < (3, 11))" >nul 2>nul
if not errorlevel 1 (
    py -3 begin.py %*
    goto end
)
python -c "import sys; sys.exit(sys.version_info < (3, 11))" >nul 2>nul
if not errorlevel 1 (
    python begin.py %*
    goto end
)
echo Python 3.11 or newer is needed, and none was found. Install it, with its option "Add python.exe to PATH".
:end
if errorlevel 1 pause
