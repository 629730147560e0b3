/// bitlathe-emulate [--images N] [--models a,b] [--configurations a,b] [--targets a,b] [--keep FOLDER] [--readme FILE]
///
/// Exports the bundled models in every configuration as C, builds them for Cortex-M4 and M7, runs them in QEMU on test
/// images, and compares every output with the reference engine and every section with the predicted sizes. Prints a
/// Markdown table; with --readme it also replaces what stands between the file's markers. Exit code 1 when anything
/// differs.
#include "core/deploy/lower.h"
#include "core/exporters/c_code/c_network.h"
#include "core/exporters/exporter.h"
#include "core/util/atomic_file.h"
#include "tests/core/exporters/c_cases.h"
#include "tests/reference/cortex_m.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QTemporaryDir>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

using namespace bitlathe;
using namespace bitlathe::tests;

namespace {

const std::string kBegin = "<!-- emulate: begin -->";
const std::string kEnd = "<!-- emulate: end -->";

struct Case {
    std::string model;
    std::string configuration;
};

struct Row {
    std::string text;
    bool isRight = true;
};

std::string thousands(std::int64_t value) {
    std::string digits = std::to_string(value);
    for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), ",");
    }
    return digits;
}

/// What to run and where to leave the exported folders.
struct Plan {
    std::int64_t images = 100;
    std::vector<CortexM> targets;
    std::string folder;
};

Row runCase(const Case& one, const Plan& asked) {
    const CCase made = cCaseOf(bundledModel(one.model), one.configuration);
    const core::IntegerGraph graph = core::lower(made.model, made.plan);
    const core::CFootprint sizes = core::buildCNetwork(graph).footprint;
    const CVectors vectors = cVectors(graph, asked.images);
    const std::string folder = asked.folder + "/" + one.model + "_" + one.configuration;
    const std::vector<std::string> files =
        core::exporterRegistry().create({"c", {}})->write(made.model, made.plan, folder);
    const std::string exported = std::filesystem::path(files.front()).parent_path().string();

    Row row;
    std::vector<CortexMRun> runs;
    std::int64_t wrong = 0;
    for (const CortexM& target : asked.targets) {
        runs.push_back(runOnCortexM(exported, target, vectors.inputs));
        const CortexMRun& run = runs.back();
        wrong += differences(run.outputs, vectors.outputs);
        row.isRight = row.isRight && run.sections.weights == sizes.weightBytes &&
                      run.sections.parameters == sizes.parameterBytes &&
                      run.sections.constants == sizes.descriptionBytes &&
                      run.sections.arena == sizes.arenaBytes;
    }
    std::ostringstream text;
    text << "| " << one.model.substr(0, one.model.find("_fmnist")) << " | " << one.configuration << " | "
         << wrong << " | " << thousands(sizes.romBytes()) << (row.isRight ? " =" : " DIFFERS") << " | "
         << thousands(sizes.arenaBytes) << " | " << thousands(runs[0].sections.code) << " / "
         << thousands(runs.back().sections.code) << " | " << thousands(runs[0].sections.constants);
    for (const CortexMRun& run : runs) {
        text << " | " << thousands(run.instructions);
    }
    text << " |\n";
    row.text = text.str();
    row.isRight = row.isRight && wrong == 0;
    return row;
}

void replaceInReadme(const std::string& path, const std::string& table) {
    std::ifstream file(path);
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const std::size_t begin = text.find(kBegin);
    const std::size_t end = text.find(kEnd);
    if (begin == std::string::npos || end == std::string::npos || end < begin) {
        throw std::runtime_error(path + " has no lines '" + kBegin + "' and '" + kEnd + "'");
    }
    text.replace(begin, end - begin, kBegin + "\n" + table);
    core::writeFileAtomically(path, text);
}

int run(const QCommandLineParser& options) {
    const QTemporaryDir temporary;
    Plan plan;
    plan.images = options.value("images").toLongLong();
    plan.folder = (options.isSet("keep") ? options.value("keep") : temporary.path()).toStdString();
    std::string table =
        "| model | bits | output bytes that differ | tables in ROM | arena | code | descriptions |";
    std::string rule = "|---|---|---|---|---|---|---|";
    for (const QString& name : options.value("targets").split(',')) {
        const QStringList parts = name.split(' ');
        plan.targets.push_back({parts.front().toStdString(), parts.back().toStdString()});
        table += " " + name.toStdString() + " |";
        rule += "---|";
    }
    table += "\n" + rule + "\n";
    std::fputs(table.c_str(), stdout);
    bool isRight = true;
    for (const QString& model : options.value("models").split(',')) {
        for (const QString& configuration : options.value("configurations").split(',')) {
            const Row row = runCase({model.toStdString(), configuration.toStdString()}, plan);
            std::fputs(row.text.c_str(), stdout);
            std::fflush(stdout);
            table += row.text;
            isRight = isRight && row.isRight;
        }
    }
    if (options.isSet("readme")) {
        replaceInReadme(options.value("readme").toStdString(), table);
    }
    return isRight ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    QCoreApplication application(argc, argv);
    QString all;
    for (const std::string& name : cConfigurations()) {
        all += (all.isEmpty() ? "" : ",") + QString::fromStdString(name);
    }
    QCommandLineParser options;
    options.addHelpOption();
    options.addOption({"images", "Test images per run.", "number", "100"});
    options.addOption({"models", "Of resources/models.", "names", "mobilenet_v1_025_fmnist,resnet8_fmnist"});
    options.addOption({"configurations", "Which bits.", "names", all});
    options.addOption({"targets", "Processors and optimisations.", "list",
                       "cortex-m4 -O2,cortex-m7 -O2,cortex-m4 -Os,cortex-m7 -Os"});
    options.addOption({"keep", "Where the exported folders stay.", "folder"});
    options.addOption({"readme", "File whose table is replaced.", "file"});
    options.process(application);
    const std::string missing = missingForCortexM();
    if (!missing.empty()) {
        std::fprintf(stderr, "bitlathe-emulate: %s\n", missing.c_str());
        return 1;
    }
    try {
        return run(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bitlathe-emulate: %s\n", error.what());
        return 1;
    }
}
