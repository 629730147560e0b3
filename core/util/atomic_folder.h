#pragma once

#include <map>
#include <string>
#include <vector>

namespace bitlathe::core {

/// Makes a folder with these files, all of it or nothing: they are written into a folder beside it, which then takes
/// its name; an interrupted call leaves the old folder as it was. What a killed program left beside the folder goes with
/// the next call.
/// folder  missing parents are made. Where it exists already it must be empty or hold a file called `sign` (an earlier
///         result of the same kind), which is then replaced as a whole.
/// files   name -> bytes, names without folders
/// Returns the files' paths, by name. Errors  Io naming the path and what the system says.
std::vector<std::string> writeFolderAtomically(const std::string& folder,
                                               const std::map<std::string, std::string>& files,
                                               const std::string& sign);

}  // namespace bitlathe::core
