#include "experiments/store/run_folder.h"

#include "core/types/error.h"

#include <filesystem>

namespace bitlathe::experiments {

std::string runFolder(const ExperimentLog& log, RunId run) {
    std::filesystem::path path = std::filesystem::absolute(log.path());
    path.replace_extension(".runs");
    return (path / std::to_string(run.value)).string();
}

std::string makeRunFolder(const ExperimentLog& log, RunId run) {
    const std::string folder = runFolder(log, run);
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
        throw core::Error(core::ErrorCode::Io, "the run's folder '" + folder +
                                                   "' cannot be made: " + error.message() +
                                                   "; free space or put the log elsewhere with --log");
    }
    return folder;
}

void removeRunFolder(const ExperimentLog& log, RunId run) {
    const std::string folder = runFolder(log, run);
    std::error_code error;
    std::filesystem::remove_all(folder, error);
    if (error) {
        throw core::Error(core::ErrorCode::Io,
                          "run " + std::to_string(run.value) + " is out of the log, but its folder '" +
                              folder + "' cannot be deleted: " + error.message() + "; delete it by hand");
    }
}

}  // namespace bitlathe::experiments
