#include "core/data/gzip_file.h"

#include "core/types/error.h"

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace bitlathe::core {

namespace {

struct CloseGzip {
    void operator()(gzFile_s* file) const { gzclose(file); }
};

}  // namespace

std::vector<std::uint8_t> readGzipFile(const std::string& path, std::size_t maximumBytes) {
    errno = 0;
    const std::unique_ptr<gzFile_s, CloseGzip> file(gzopen(path.c_str(), "rb"));
    if (!file) {
        throw Error(ErrorCode::DataFormat, "cannot open data file '" + path +
                                               "': " + (errno != 0 ? std::strerror(errno) : "out of memory"));
    }
    std::vector<std::uint8_t> content;
    std::vector<std::uint8_t> block(1 << 18);
    while (true) {
        const int count = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()));
        int status = Z_OK;
        const char* reason = gzerror(file.get(), &status);
        // A stream that ends early reads short without a negative count; only gzerror tells.
        if (count < 0 || (status != Z_OK && status != Z_STREAM_END)) {
            throw Error(ErrorCode::DataFormat, "data file '" + path + "' is damaged after " +
                                                   std::to_string(content.size()) + " bytes (" + reason +
                                                   "); fetch or install it again");
        }
        if (count == 0) {
            return content;
        }
        if (content.size() + static_cast<std::size_t>(count) > maximumBytes) {
            throw Error(ErrorCode::DataFormat, "data file '" + path + "' holds more than " +
                                                   std::to_string(maximumBytes) + " bytes");
        }
        content.insert(content.end(), block.begin(), block.begin() + count);
    }
}

}  // namespace bitlathe::core
