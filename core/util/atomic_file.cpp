#include "core/util/atomic_file.h"

#include "core/types/error.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace bitlathe::core {

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
    throw Error(ErrorCode::Io,
                "cannot write " + path + ": " + what +
                    "; check the folder's permissions and the free space, or choose another folder");
}

/// Writes everything and forces it to the disk; false leaves the reason in errno.
bool writeAll(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fsync(descriptor) == 0;
}

}  // namespace

void writeFileAtomically(const std::string& path, std::string_view bytes) {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    std::error_code error;
    if (!folder.empty()) {
        std::filesystem::create_directories(folder, error);
        if (error) {
            fail(path, "folder " + folder.string() + " cannot be made (" + error.message() + ")");
        }
    }
    // The process id keeps two programs that write the same file apart.
    const std::string partial = path + "." + std::to_string(::getpid()) + ".partial";
    const int descriptor = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        fail(path, std::strerror(errno));
    }
    int reason = writeAll(descriptor, bytes) ? 0 : errno;
    if (::close(descriptor) != 0 && reason == 0) {
        reason = errno;
    }
    if (reason == 0 && std::rename(partial.c_str(), path.c_str()) != 0) {
        reason = errno;
    }
    if (reason != 0) {
        ::unlink(partial.c_str());
        fail(path, std::strerror(reason));
    }
}

}  // namespace bitlathe::core
