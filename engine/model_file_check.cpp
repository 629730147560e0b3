#include "engine/model_file_check.h"

#include "core/types/error.h"
#include "engine/zip_check.h"

#include <c10/util/Exception.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

namespace bitlathe::engine {

namespace {

constexpr const char* kHowToSave = "in Python, load the weights into the model and save it whole: "
                                   "torch.jit.save(torch.jit.trace(model.eval(), example), 'model.pt')";

[[noreturn]] void refuse(const std::string& path, const std::string& found, const std::string& remedy) {
    throw core::Error(core::ErrorCode::ModelFormat,
                      "'" + path + "' is not a TorchScript model: " + found + "; " + remedy);
}

/// Kinds of files people hand over by mistake, by their first bytes.
struct Signature {
    std::size_t offset;
    std::string_view bytes;
    const char* found;
};
constexpr std::array kForeign{
    Signature{0, "\x89HDF", "it is an HDF5 file (Keras)"},
    Signature{4, "TFL3", "it is a TensorFlow Lite model"},
    Signature{0,
              "\x7f"
              "ELF",
              "it is a program or library"},
    Signature{0, "\x1f\x8b", "it is gzip-compressed"},
    Signature{0, "version https://git-lfs", "it is a Git LFS pointer, not the file itself"},
    Signature{0, "<", "it looks like a web page or XML"},
    Signature{0, "{", "it looks like JSON"},
};

std::string firstBytes(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
        throw core::Error(core::ErrorCode::Io, "model file '" + path + "' does not exist");
    }
    if (std::filesystem::is_directory(path, error)) {
        throw core::Error(core::ErrorCode::Io, "'" + path + "' is a folder; choose a model file (.pt)");
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw core::Error(core::ErrorCode::Io,
                          "model file '" + path + "' cannot be read; check its permissions");
    }
    std::string bytes(64, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
}

bool startsAt(const std::string& bytes, std::size_t offset, std::string_view pattern) {
    return bytes.size() >= offset + pattern.size() &&
           std::string_view(bytes).substr(offset, pattern.size()) == pattern;
}

void refuseForeign(const std::string& path, const std::string& bytes) {
    if (bytes.empty()) {
        refuse(path, "it is empty", "copy or export it again");
    }
    for (const Signature& signature : kForeign) {
        if (startsAt(bytes, signature.offset, signature.bytes)) {
            refuse(path, signature.found, "Bitlathe reads files made by torch.jit.save");
        }
    }
    if (startsAt(bytes, 0, "\x80") && bytes.size() > 1 && bytes[1] >= 2 && bytes[1] <= 5) {
        refuse(path, "it is a pickle of PyTorch's old format, made by torch.save", kHowToSave);
    }
    if (path.ends_with(".onnx") || startsAt(bytes, 2, "\x12\x07pytorch")) {
        refuse(path, "it is an ONNX model", "export the PyTorch model by torch.jit.save instead");
    }
    if (!startsAt(bytes, 0, "PK\x03\x04")) {
        refuse(path, "it is no zip archive, which TorchScript files are",
               "choose a file made by torch.jit.save");
    }
}

/// The archive's entries without its top folder.
void refuseWrongArchive(const std::string& path) {
    std::vector<std::string> records;
    bool hasCode = false;
    bool hasPickle = false;
    try {
        caffe2::serialize::PyTorchStreamReader reader(path);
        records = reader.getAllRecords();
        hasCode = reader.hasRecord("constants.pkl");
        hasPickle = reader.hasRecord("data.pkl");
    } catch (const c10::Error&) {
        refuse(path, "the zip archive is truncated or damaged", "copy or export it again");
    }
    if (hasCode) {
        return;
    }
    if (hasPickle) {
        refuse(path,
               "it holds pickled tensors without code (a state dict or a checkpoint made by torch.save)",
               kHowToSave);
    }
    refuse(path,
           "it is a zip archive of something else (it begins with '" + (records.empty() ? "" : records[0]) +
               "')",
           "choose a file made by torch.jit.save");
}

}  // namespace

void requireTorchScriptFile(const std::string& path) {
    refuseForeign(path, firstBytes(path));
    if (const std::string damage = findZipDamage(path); !damage.empty()) {
        refuse(path, "the zip archive is truncated or damaged (" + damage + ")", "copy or export it again");
    }
    refuseWrongArchive(path);
}

}  // namespace bitlathe::engine
