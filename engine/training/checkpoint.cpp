#include "engine/training/checkpoint.h"

#include "core/engine/engine.h"
#include "core/types/error.h"
#include "core/util/atomic_file.h"
#include "core/util/sha256.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

namespace bitlathe::engine {

namespace {

constexpr std::string_view kMagic = "BLCK";
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kFront = 4 + 4 + 8;

template <typename Number>
void appendNumber(std::string& bytes, Number number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}
template <typename Number>
Number numberAt(const std::string& bytes, std::size_t at) {
    Number number;
    std::memcpy(&number, bytes.data() + at, sizeof number);
    return number;
}

[[noreturn]] void failReading(const std::string& path, const std::string& why) {
    throw core::Error(core::ErrorCode::Io,
                      "the checkpoint " + path + " " + why + "; start the run again instead of resuming it");
}

std::string bytesOf(const at::Tensor& tensor) {
    const at::Tensor dense = tensor.detach().contiguous();
    return {static_cast<const char*>(dense.data_ptr()), dense.nbytes()};
}

at::Tensor tensorFrom(const nlohmann::json& entry, const std::string& bytes, std::size_t at,
                      const std::string& path) {
    const auto type = entry.at("type").get<std::string>() == "float64" ? at::kDouble : at::kFloat;
    at::Tensor tensor = at::empty(entry.at("shape").get<std::vector<std::int64_t>>(), type);
    if (at + tensor.nbytes() > bytes.size()) {
        failReading(path, "is cut short");
    }
    std::memcpy(tensor.data_ptr(), bytes.data() + at, tensor.nbytes());
    return tensor;
}

}  // namespace

std::string checkpointPath(const std::string& folder) {
    return (std::filesystem::path(folder) / core::kCheckpointFile).string();
}

void Checkpoint::save(const std::string& path) const {
    std::string payload;
    nlohmann::json header{{"numbers", numbers}, {"tensors", nlohmann::json::array()}};
    for (const auto& [name, tensor] : tensors) {
        header["tensors"].push_back({{"name", name},
                                     {"type", tensor.scalar_type() == at::kDouble ? "float64" : "float32"},
                                     {"shape", tensor.sizes().vec()},
                                     {"offset", payload.size()}});
        payload += bytesOf(tensor);
    }
    header["sha256"] = core::sha256Hex(payload);
    const std::string json = header.dump();
    std::string bytes(kMagic);
    appendNumber(bytes, kVersion);
    appendNumber(bytes, static_cast<std::uint64_t>(json.size()));
    bytes += json;
    bytes += payload;
    core::writeFileAtomically(path, bytes);
}

std::optional<Checkpoint> Checkpoint::load(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return std::nullopt;
    }
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (bytes.size() < kFront || !std::string_view(bytes).starts_with(kMagic)) {
        failReading(path, "is no checkpoint of Bitlathe");
    }
    if (numberAt<std::uint32_t>(bytes, 4) != kVersion) {
        failReading(path, "is of another version of Bitlathe");
    }
    const std::uint64_t length = numberAt<std::uint64_t>(bytes, 8);
    if (length > bytes.size() - kFront) {
        failReading(path, "is cut short");
    }
    const std::string payload = bytes.substr(kFront + length);
    const nlohmann::json header = nlohmann::json::parse(
        bytes.begin() + kFront, bytes.begin() + static_cast<std::ptrdiff_t>(kFront + length), nullptr,
        /*allow_exceptions=*/false);
    if (!header.is_object() || header.value("sha256", "") != core::sha256Hex(payload)) {
        failReading(path, "is damaged");
    }
    Checkpoint checkpoint;
    checkpoint.numbers = header.at("numbers");
    for (const nlohmann::json& entry : header.at("tensors")) {
        checkpoint.tensors[entry.at("name").get<std::string>()] =
            tensorFrom(entry, payload, entry.at("offset").get<std::size_t>(), path);
    }
    return checkpoint;
}

void restoreTensors(const NamedTensors& from, const std::string& front, const NamedTensors& to) {
    const at::NoGradGuard noGrad;
    for (const auto& [name, tensor] : to) {
        const auto found = from.find(front + name);
        if (found == from.end() || found->second.sizes() != tensor.sizes()) {
            throw core::Error(core::ErrorCode::InvalidConfig,
                              "the checkpoint does not fit this training: '" + name +
                                  (found == from.end() ? "' is not in it" : "' has another size in it") +
                                  "; resume with the recipe it was made by");
        }
        at::Tensor target = tensor;
        target.copy_(found->second);
    }
}

}  // namespace bitlathe::engine
