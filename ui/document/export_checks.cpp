#include "ui/document/export_checks.h"

#include "core/exporters/c_exporter.h"
#include "core/exporters/target_budget.h"
#include "core/graph/prepare.h"
#include "core/registry/param_specs.h"
#include "core/types/error.h"
#include "ui/document/layer_title.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>

#include <algorithm>
#include <array>

namespace bitlathe::ui {

namespace {

using Kind = ExportFinding::Kind;

/// Layers named in one line before the rest is only counted.
constexpr int kNamedLayers = 3;

QString tr(const char* text) {
    return QCoreApplication::translate("ExportChecks", text);
}

QString sitePhrase(const core::SiteId& site) {
    return site.kind == core::SiteKind::Weight ? tr("weights of %1").arg(layerTitle(site.layer))
                                               : tr("output of %1").arg(layerTitle(site.layer));
}

bool isC(const ExportQuestion& question) {
    return question.exporter.name == core::CExporter::kName;
}

core::TargetBudget targetOf(const ExportQuestion& question, const core::QuantPlan& plan) {
    const core::MethodInfo& info = core::exporterRegistry().info(question.exporter.name);
    const core::ParamValues params = core::resolveParams("exporter", info, question.exporter.params);
    core::TargetOptions options;
    options.plan = &plan;
    options.backend = core::chosen<core::CBackend>(params, "backend");
    options.thresholds = params.at("thresholds") != 0;
    return core::targetBudget(*question.model, question.config, *question.device, options);
}

ExportFinding fitFinding(const ExportQuestion& question, const core::QuantPlan& plan) {
    if (!question.device) {
        return {Kind::Remark, tr("No device chosen: nobody knows whether the model fits.")};
    }
    const core::Device& device = *question.device;
    std::int64_t rom = 0;
    std::int64_t ram = 0;
    QString basis = tr("by the formulas");
    const core::TargetBudget target = isC(question) ? targetOf(question, plan) : core::TargetBudget();
    if (target.exported) {
        rom = target.exported->romBytes();
        ram = target.exported->ramBytes();
        basis = tr("as exported");
    } else {
        const core::Budget budget = core::computeBudget(*question.model, question.config);
        rom = budget.romBytes;
        ram = budget.peakRamBytes;
    }
    const bool fits = rom <= device.romLimitBytes() && ram <= device.ramLimitBytes();
    return {fits ? Kind::Fine : Kind::Remark,
            (fits ? tr("Fits %1: ROM %2 of %3 B, RAM %4 of %5 B (%6).")
                  : tr("Too big for %1: ROM %2 of %3 B, RAM %4 of %5 B (%6)."))
                .arg(QString::fromStdString(device.name), groupedNumber(rom),
                     groupedNumber(device.romLimitBytes()), groupedNumber(ram),
                     groupedNumber(device.ramLimitBytes()), basis)};
}

/// Grids without one step: few engines run them.
void addGridFindings(const core::QuantPlan& plan, std::vector<ExportFinding>& findings) {
    QStringList names;
    int count = 0;
    for (const auto& [site, grid] : plan.sites) {
        if (!grid.tables.empty() && ++count <= kNamedLayers) {
            names += sitePhrase(site);
        }
    }
    if (count > 0) {
        findings.push_back(
            {Kind::Remark, tr("%1 tensors lie on grids without one step, which few engines run: %2%3.")
                               .arg(count)
                               .arg(names.join(QStringLiteral(", ")),
                                    count > kNamedLayers ? tr(" and others") : QString())});
    }
}

void addProcessorFinding(const ExportQuestion& question, std::vector<ExportFinding>& findings) {
    const core::MethodInfo& info = core::exporterRegistry().info(question.exporter.name);
    const auto spec = std::find_if(info.params.begin(), info.params.end(),
                                   [](const core::ParamSpec& param) { return param.name == "cpu"; });
    if (!question.device || spec == info.params.end()) {
        return;
    }
    const core::ParamValues params = core::resolveParams("exporter", info, question.exporter.params);
    const double chosen = params.at("cpu");
    const std::optional<double> own = processorOf(*question.device, info);
    const QString ownCore = QString::fromStdString(question.device->core);
    const QString cpu = QString::fromStdString(spec->choices[static_cast<std::size_t>(chosen)]);
    if (!own) {
        findings.push_back(
            {Kind::Remark, tr("%1 has a %2, which the build files do not know; they start from %3. "
                              "The code is plain C99 and runs on any.")
                               .arg(QString::fromStdString(question.device->name), ownCore, cpu)});
    } else if (*own != chosen) {
        findings.push_back(
            {Kind::Remark, tr("The build files start from %1, but %2 has a %3.")
                               .arg(cpu, QString::fromStdString(question.device->name), ownCore)});
    }
}

void addFormatFindings(const ExportQuestion& question, const core::PreparedModel& model,
                       const core::QuantPlan& plan, std::vector<ExportFinding>& findings) {
    bool isBlocking = false;
    for (const core::ExportCheck& check :
         core::exporterRegistry().create(question.exporter)->check(model, plan)) {
        const QString where =
            check.layer.empty() ? QString() : layerTitle(check.layer) + QStringLiteral(": ");
        findings.push_back({check.isBlocking ? Kind::Blocking : Kind::Remark,
                            where + QString::fromStdString(check.message)});
        isBlocking = isBlocking || check.isBlocking;
    }
    if (!isBlocking) {
        findings.push_back({Kind::Fine, tr("The format takes all %1 layers.").arg(model.layers.size())});
    }
}

/// The nearest folder above `path` that is there.
QFileInfo nearestExisting(const QString& path) {
    QFileInfo info(QDir::cleanPath(path));
    while (!info.exists() && info.absoluteFilePath() != info.absolutePath()) {
        info = QFileInfo(info.absolutePath());
    }
    return info;
}

}  // namespace

std::vector<ExportFinding> checkExportFolder(const ExportQuestion& question) {
    if (question.folder.isEmpty()) {
        return {{Kind::Blocking, tr("No folder chosen.")}};
    }
    const QFileInfo nearest = nearestExisting(QFileInfo(question.folder).absoluteFilePath());
    if (!nearest.isDir()) {
        return {{Kind::Blocking, tr("%1 is a file, no folder.").arg(nearest.absoluteFilePath())}};
    }
    if (!nearest.isWritable()) {
        return {{Kind::Blocking, tr("%1 cannot be written: choose another folder or change its permissions.")
                                     .arg(nearest.absoluteFilePath())}};
    }
    if (isC(question)) {
        const QDir own(QDir(question.folder)
                           .filePath(QString::fromStdString(core::CExporter::folderName(*question.model))));
        const bool isReplaceable = !own.exists() || own.isEmpty() || own.exists(core::CExporter::kSign);
        if (!isReplaceable) {
            return {{Kind::Blocking,
                     tr("%1 holds something else than an earlier export: choose another folder or empty it.")
                         .arg(own.absolutePath())}};
        }
        if (own.exists(core::CExporter::kSign)) {
            return {{Kind::Remark, tr("Replaces the earlier export in %1.").arg(own.absolutePath())}};
        }
    }
    const QFileInfo folder(question.folder);
    if (!folder.exists()) {
        return {{Kind::Fine, tr("The folder will be made.")}};
    }
    const int entries = static_cast<int>(
        QDir(question.folder).entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot).size());
    if (entries == 0) {
        return {{Kind::Fine, tr("The folder is empty and can be written.")}};
    }
    return {{Kind::Remark,
             tr("The folder holds %1 entries: files of the same name are replaced, anything else stays.")
                 .arg(entries)}};
}

std::vector<ExportFinding> checkExport(const ExportQuestion& question) {
    std::vector<ExportFinding> findings;
    if (!question.statistics) {
        return {{Kind::Blocking, tr("The model is not calibrated, so the ranges are not known.")}};
    }
    try {
        // Where methods are applied the values are others, but what a format can hold is the same.
        const core::PreparedModel model = core::preparedFor(*question.model, question.config);
        core::QuantPlan plan = core::resolvePlan(model, question.config, *question.statistics);
        if (question.learned) {
            core::keepLearnedGrids(plan, question.config, *question.learned);
        }
        findings.push_back(fitFinding(question, plan));
        addProcessorFinding(question, findings);
        addGridFindings(plan, findings);
        addFormatFindings(question, model, plan, findings);
    } catch (const core::Error& error) {
        findings.push_back({Kind::Blocking, QString::fromUtf8(error.what())});
    }
    const std::vector<ExportFinding> folder = checkExportFolder(question);
    findings.insert(findings.end(), folder.begin(), folder.end());
    return findings;
}

bool isBlocked(const std::vector<ExportFinding>& findings) noexcept {
    return std::any_of(findings.begin(), findings.end(),
                       [](const ExportFinding& finding) { return finding.kind == Kind::Blocking; });
}

std::optional<double> processorOf(const core::Device& device, const core::MethodInfo& exporter) {
    // The fastest of several cores first, and a Cortex-M33 is no Cortex-M3.
    static constexpr std::array kCores{
        std::pair{"Cortex-M7", "cortex-m7"}, std::pair{"Cortex-M33", "cortex-m33"},
        std::pair{"Cortex-M4", "cortex-m4"}, std::pair{"Cortex-M3", "cortex-m3"},
        std::pair{"Cortex-M0", "cortex-m0plus"}};
    const auto found = std::find_if(kCores.begin(), kCores.end(), [&](const auto& known) {
        return device.core.find(known.first) != std::string::npos;
    });
    const auto spec = std::find_if(exporter.params.begin(), exporter.params.end(),
                                   [](const core::ParamSpec& param) { return param.name == "cpu"; });
    if (found == kCores.end() || spec == exporter.params.end()) {
        return std::nullopt;
    }
    const auto choice = std::find(spec->choices.begin(), spec->choices.end(), found->second);
    return choice == spec->choices.end()
               ? std::nullopt
               : std::optional<double>(static_cast<double>(choice - spec->choices.begin()));
}

}  // namespace bitlathe::ui
