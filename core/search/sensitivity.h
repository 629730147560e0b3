#pragma once

#include "core/graph/layer.h"
#include "core/types/qparams.h"
#include "core/types/quant_config.h"
#include "core/types/site_statistics.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bitlathe::core {

/// One question to a model: what does quantizing this site alone do?
struct SensitivityProbe {
    SiteId site;
    int bits = 0;
    QParams grid;
};

/// The answer, on the probe's images, against the float model.
struct Sensitivity {
    SiteId site;
    int bits = 0;
    double loss = 0;  ///< cross entropy, nats, mean over the images
    double klDivergence =
        0;              ///< of the class probabilities, float against quantized, nats, mean over the images
    double sqnrDb = 0;  ///< of the logits; +infinity where nothing changed
    std::int64_t correct = 0;
};

/// What a search minimises the sum of.
enum class SensitivityMeasure {
    KlDivergence,  ///< "kl": smooth, needs no labels, few images
    Loss,          ///< "loss": increase of the cross entropy, at least 0
    Sqnr,          ///< "sqnr": noise over signal of the logits
};
std::string_view sensitivityMeasureName(SensitivityMeasure measure) noexcept;
/// Errors  InvalidConfig: unknown name; lists the known ones.
SensitivityMeasure sensitivityMeasureFromName(std::string_view name);

/// Answers by site and bits, and what the float model did on the same images.
struct SensitivityTable {
    std::int64_t samples = 0;
    double floatLoss = 0;
    std::int64_t floatCorrect = 0;
    std::map<SiteId, std::map<int, Sensitivity>> sites;

    /// Null: not asked.
    const Sensitivity* find(const SiteId& site, int bits) const;
    void add(const Sensitivity& entry) { sites[entry.site][entry.bits] = entry; }
    /// Cost of a site at these bits; never negative, adds up over sites to a first-order estimate (README eq. 94).
    /// Errors  NotCalibrated: the table has no such entry; names site and bits.
    double cost(const SiteId& site, int bits, SensitivityMeasure measure) const;
};

/// A probe for each quantized site of `config` and each width: the site's own quantizer, granularity and observer
/// with only the bits changed. The graph's input is one of the sites. Sites that are float in `config` stay out.
/// weightBits, activationBits  widths to ask for
/// Errors  as resolveSite (NotCalibrated, InvalidConfig).
std::vector<SensitivityProbe> sensitivityProbes(const PreparedModel& model, const QuantConfig& config,
                                                const Statistics& statistics, std::span<const int> weightBits,
                                                std::span<const int> activationBits);

/// A hash of the grid: what a cached answer is found by.
std::string gridHash(const QParams& grid);

}  // namespace bitlathe::core
