#include "core/data/dataset.h"

#include "core/data/idx_dataset.h"
#include "core/types/error.h"

#include <filesystem>
#include <functional>
#include <map>

namespace bitlathe::core {

namespace {

// Where Debian's package dataset-fashion-mnist puts its files.
constexpr const char* kFashionMnistFolder = "/usr/share/datasets/fashion-mnist";

/// The file under `folder`, gzip-compressed or plain.
std::string existingFile(const std::filesystem::path& folder, const std::string& stem,
                         const std::string& remedy) {
    for (const std::string& name : {stem + ".gz", stem}) {
        if (std::filesystem::exists(folder / name)) {
            return (folder / name).string();
        }
    }
    throw Error(ErrorCode::DataFormat,
                "data file '" + stem + ".gz' is not in folder '" + folder.string() + "'; " + remedy);
}

std::shared_ptr<const Dataset> openFashionMnist(const DataSpec& spec, DataSplit split) {
    const std::filesystem::path folder = spec.root.empty() ? kFashionMnistFolder : spec.root;
    const std::string remedy =
        "install Debian's package dataset-fashion-mnist, or set data.root to the folder that "
        "holds the four idx files";
    const bool isTrain = split == DataSplit::Train;
    const std::string prefix = isTrain ? "train" : "t10k";
    return std::make_shared<IdxDataset>(isTrain ? "fashion_mnist/train" : "fashion_mnist/test",
                                        existingFile(folder, prefix + "-images-idx3-ubyte", remedy),
                                        existingFile(folder, prefix + "-labels-idx1-ubyte", remedy),
                                        std::vector<std::string>{"T-shirt/top", "Trouser", "Pullover",
                                                                 "Dress", "Coat", "Sandal", "Shirt",
                                                                 "Sneaker", "Bag", "Ankle boot"});
}

using Opener = std::function<std::shared_ptr<const Dataset>(const DataSpec&, DataSplit)>;

const std::map<std::string, Opener>& openers() {
    static const std::map<std::string, Opener> all{{"fashion_mnist", openFashionMnist}};
    return all;
}

}  // namespace

std::vector<std::string> datasetNames() {
    std::vector<std::string> names;
    for (const auto& [name, opener] : openers()) {
        names.push_back(name);
    }
    return names;
}

std::shared_ptr<const Dataset> openDataset(const DataSpec& spec, DataSplit split) {
    const auto found = openers().find(spec.dataset);
    if (found == openers().end()) {
        std::string known;
        for (const std::string& name : datasetNames()) {
            known += (known.empty() ? "" : ", ") + name;
        }
        throw Error(ErrorCode::InvalidConfig, "unknown data set '" + spec.dataset + "'; known: " + known);
    }
    return found->second(spec, split);
}

}  // namespace bitlathe::core
