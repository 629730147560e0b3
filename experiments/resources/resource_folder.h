#pragma once

#include <filesystem>
#include <string>

namespace bitlathe::experiments {

/// The folder with devices/, recipes/ and models/: where BITLATHE_RESOURCES points, else ../share/bitlathe
/// beside the program (an installation), else `resources` in a folder above it (a build tree). Empty when
/// there is none.
std::filesystem::path resourceFolder();

/// Devices of the user's own: $XDG_CONFIG_HOME/bitlathe/devices (or ~/.config/...); it need not exist.
std::filesystem::path userDeviceFolder();

/// Where a file that a recipe names is: absolute paths as they are; relative ones in `recipeFolder` (when not
/// empty), then in the working folder, then in the resource folder. Errors  Io: in none of them (lists where
/// was looked).
std::filesystem::path findInput(const std::string& path, const std::string& recipeFolder);

}  // namespace bitlathe::experiments
