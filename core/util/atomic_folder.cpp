#include "core/util/atomic_folder.h"

#include "core/types/error.h"
#include "core/util/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

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

/// The process id in "name.<id>.partial" or "name.<id>.old"; 0: it is none of these.
pid_t processOf(const std::string& entry, const std::string& name) {
    for (const std::string_view ending : {std::string_view(".partial"), std::string_view(".old")}) {
        if (entry.starts_with(name + ".") && entry.ends_with(ending) &&
            entry.size() > name.size() + 1 + ending.size()) {
            const std::string digits =
                entry.substr(name.size() + 1, entry.size() - name.size() - 1 - ending.size());
            pid_t process = 0;
            const auto [end, problem] =
                std::from_chars(digits.data(), digits.data() + digits.size(), process);
            return problem == std::errc() && end == digits.data() + digits.size() ? process : 0;
        }
    }
    return 0;
}

/// Programs that were killed while they wrote the same folder left their halves behind.
void removeLeftOvers(const fs::path& target) {
    std::error_code ignored;
    std::vector<fs::path> dead;
    for (const fs::directory_entry& entry : fs::directory_iterator(target.parent_path(), ignored)) {
        const pid_t process = processOf(entry.path().filename().string(), target.filename().string());
        if (process > 0 && ::kill(process, 0) != 0 && errno == ESRCH) {
            dead.push_back(entry.path());
        }
    }
    for (const fs::path& path : dead) {
        if (path.extension() == ".old" && !fs::exists(target, ignored)) {
            fs::rename(path, target, ignored);  // it was killed before the new one took its place
        }
        fs::remove_all(path, ignored);
    }
}

/// Puts the new folder in the place of an earlier one in one step, so that there is always one of them; the earlier
/// one is then where the new one was. False: this file system cannot.
bool exchange(const fs::path& made, const fs::path& target) {
    return ::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0;
}

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

void putInPlace(const fs::path& made, const fs::path& target, const fs::path& old) {
    std::error_code error;
    const bool isThere = fs::exists(target, error);
    if (isThere && exchange(made, target)) {
        return;
    }
    if (isThere) {
        fs::rename(target, old, error);
        if (error) {
            fail(target, "the earlier export cannot be moved away (" + error.message() + ")");
        }
    }
    fs::rename(made, target, error);
    if (error) {
        std::error_code ignored;
        fs::rename(old, target, ignored);
        fail(target, error.message());
    }
}

}  // namespace

std::vector<std::string> writeFolderAtomically(const std::string& folder,
                                               const std::map<std::string, std::string>& files,
                                               const std::string& sign) {
    const fs::path target = fs::absolute(folder).lexically_normal();
    requireReplaceable(target, sign);
    removeLeftOvers(target);
    // The process id keeps two programs that write the same folder apart.
    const std::string process = std::to_string(::getpid());
    const PartialFolder partial(target.string() + "." + process + ".partial");
    const PartialFolder old(target.string() + "." + process + ".old");
    for (const auto& [name, bytes] : files) {
        writeFileAtomically((partial.path() / name).string(), bytes);
    }
    putInPlace(partial.path(), target, old.path());
    std::vector<std::string> paths;
    for (const auto& [name, bytes] : files) {
        paths.push_back((target / name).string());
    }
    return paths;
}

}  // namespace bitlathe::core
