#include "core/util/atomic_folder.h"

#include "core/types/error.h"
#include "core/util/atomic_file.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

namespace bitlathe::core {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& folder, const std::string& what) {
    throw Error(ErrorCode::Io, "cannot write the folder " + folder.string() + ": " + what);
}

/// A folder that goes when it has not become the result.
class PartialFolder {
public:
    explicit PartialFolder(fs::path path) : m_path(std::move(path)) {
        std::error_code ignored;
        fs::remove_all(m_path, ignored);  // of an earlier program with this process id
    }
    ~PartialFolder() {
        std::error_code ignored;
        fs::remove_all(m_path, ignored);
    }
    PartialFolder(const PartialFolder&) = delete;
    PartialFolder& operator=(const PartialFolder&) = delete;
    const fs::path& path() const { return m_path; }

private:
    fs::path m_path;
};

void requireReplaceable(const fs::path& folder, const std::string& sign) {
    std::error_code error;
    if (!fs::exists(fs::symlink_status(folder, error))) {
        return;
    }
    if (!fs::is_directory(folder, error)) {
        fail(folder, "there is a file of that name; choose another folder");
    }
    const bool isEmpty = fs::is_empty(folder, error);
    if (error) {
        fail(folder, "it cannot be read (" + error.message() + "); check its permissions");
    }
    if (!isEmpty && !fs::exists(folder / sign, error)) {
        fail(folder, "it holds something else (no " + sign + " in it); choose another folder or empty it");
    }
}

}  // namespace

std::vector<std::string> writeFolderAtomically(const std::string& folder,
                                               const std::map<std::string, std::string>& files,
                                               const std::string& sign) {
    const fs::path target = fs::absolute(folder).lexically_normal();
    requireReplaceable(target, sign);
    // The process id keeps two programs that write the same folder apart.
    const std::string process = std::to_string(::getpid());
    const PartialFolder partial(target.string() + "." + process + ".partial");
    const PartialFolder old(target.string() + "." + process + ".old");
    for (const auto& [name, bytes] : files) {
        writeFileAtomically((partial.path() / name).string(), bytes);
    }
    std::error_code error;
    if (fs::exists(target, error)) {
        fs::rename(target, old.path(), error);
        if (error) {
            fail(target, "the earlier export cannot be moved away (" + error.message() + ")");
        }
    }
    fs::rename(partial.path(), target, error);
    if (error) {
        std::error_code ignored;
        fs::rename(old.path(), target, ignored);
        fail(target, error.message());
    }
    std::vector<std::string> paths;
    for (const auto& [name, bytes] : files) {
        paths.push_back((target / name).string());
    }
    return paths;
}

}  // namespace bitlathe::core
