#pragma once

#include "core/device/device.h"
#include "core/zoo/zoo.h"
#include "experiments/recipes/run_recipe.h"
#include "tests/support/fake_engine.h"

#include <QFile>
#include <QTemporaryDir>

#include <memory>
#include <string>

namespace bitlathe::tests {

/// Where a recipe runs without LibTorch: a folder of its own with an empty log and a "net.pt", which the made-up engine
/// takes for a MobileNetV1-0.25 of 32 x 32 grey images.
class RecipeBench {
public:
    RecipeBench() {
        engine->graph = core::buildZooModel(
            "mobilenet_v1",
            {{"width", 0.25}, {"size", 32}, {"channels", 1}, {"classes", 10}, {"stem_stride", 1}}, {1});
        QFile model(m_folder.filePath("net.pt"));
        if (!model.open(QIODevice::WriteOnly)) {
            qFatal("no temporary folder");
        }
    }

    std::string path(const char* name) const { return m_folder.filePath(name).toStdString(); }

    /// A document as if it were a file in the folder.
    experiments::Recipe parsed(const nlohmann::json& document) const {
        experiments::Recipe recipe = experiments::Recipe::parse(document);
        recipe.folder = m_folder.path().toStdString();
        return recipe;
    }
    experiments::RecipeResult run(const experiments::Recipe& recipe, const core::RunContext& context = {},
                                  const experiments::RecipeObserver& observer = {}) {
        return experiments::runRecipe(recipe, *engine, *log, devices, context, observer);
    }
    double metric(experiments::RunId run, const char* name) const {
        return log->run(run).metrics.at(name).value;
    }

private:
    static const core::DeviceCatalogue& catalogue() {
        static const auto kDevices = core::DeviceCatalogue::load(BITLATHE_SOURCE_DIR "/resources/devices");
        return kDevices;
    }

    QTemporaryDir m_folder;

public:
    std::unique_ptr<experiments::ExperimentLog> log = experiments::ExperimentLog::open(path("log.db"));
    std::unique_ptr<FakeEngine> engine = std::make_unique<FakeEngine>();
    const core::DeviceCatalogue& devices = catalogue();
};

}  // namespace bitlathe::tests
