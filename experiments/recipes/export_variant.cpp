#include "experiments/recipes/export_variant.h"

#include "core/exporters/exporter.h"
#include "core/ptq/post_training.h"
#include "core/util/sha256.h"

#include <spdlog/spdlog.h>

#include <cctype>
#include <filesystem>

namespace bitlathe::experiments {

namespace {

void judge(const std::vector<core::ExportCheck>& checks, const std::string& format) {
    std::string reasons;
    for (const core::ExportCheck& check : checks) {
        const std::string text = (check.layer.empty() ? "model" : check.layer.str()) + ": " + check.message;
        if (check.isBlocking) {
            reasons += "\n  " + text;
        } else {
            spdlog::info("export as {}: {}", format, text);
        }
    }
    if (!reasons.empty()) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "export as " + format + " is not possible:" + reasons);
    }
}

}  // namespace

std::string fileNameOf(const std::string& name) {
    std::string text;
    for (const unsigned char c : name) {
        if (std::isalnum(c) != 0 || c == '-' || c == '.') {
            text += static_cast<char>(std::tolower(c));
        } else if (!text.empty() && text.back() != '_') {
            text += '_';
        }
    }
    while (!text.empty() && text.back() == '_') {
        text.pop_back();
    }
    return text.empty() ? "variant" : text;
}

std::string exportFolder(const ExportStage& stage, const std::string& variant) {
    const std::filesystem::path folder = std::filesystem::absolute(stage.folder);
    return (stage.variant.empty() ? folder / fileNameOf(variant) : folder).lexically_normal().string();
}

Artefact describeArtefact(const std::string& kind, const std::string& path) {
    const std::filesystem::path file = std::filesystem::absolute(path).lexically_normal();
    return {kind, file.string(), core::sha256OfFile(file.string()),
            static_cast<std::int64_t>(std::filesystem::file_size(file))};
}

std::vector<Artefact> exportPlan(const core::PreparedModel& model, const core::QuantPlan& plan,
                                 const core::MethodSpec& exporter, const std::string& folder) {
    const core::QuantizedModel deployed = core::deployable(model, plan);
    const std::unique_ptr<core::Exporter> writer = core::exporterRegistry().create(exporter);
    judge(writer->check(deployed.model, deployed.plan), exporter.name);
    std::vector<Artefact> artefacts;
    for (const std::string& file : writer->write(deployed.model, deployed.plan, folder)) {
        artefacts.push_back(describeArtefact(exporter.name, file));
    }
    return artefacts;
}

}  // namespace bitlathe::experiments
