#include "ui/document/site_evaluation.h"

#include "core/observers/observer.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/quantizer.h"
#include "core/registry/registry.h"
#include "core/types/error.h"

#include <QCoreApplication>

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitlathe::ui {

namespace {

/// Of an error curve whose every point costs a fit.
constexpr int kFittedPoints = 24;

/// The acronym in brackets where the title has one, the title where it is short, else the method's name.
QString shortTitle(const core::MethodInfo& info) {
    constexpr qsizetype kShort = 12;
    const QString title = QString::fromStdString(info.title);
    const qsizetype open = title.indexOf(QLatin1Char('('));
    const qsizetype close = title.indexOf(QLatin1Char(')'), open);
    if (open >= 0 && close > open + 1) {
        return title.mid(open + 1, close - open - 1);
    }
    if (title.size() <= kShort) {
        return title;
    }
    const QString name = QString::fromStdString(info.name).replace(QLatin1Char('_'), QLatin1Char(' '));
    return name.size() <= 4 ? name.toUpper() : name;
}

bool isPerTensor(const core::SiteQuant& quant) {
    return quant.manualRange.has_value() || quant.granularity.kind == core::Granularity::Kind::Tensor;
}

const core::SiteStatistics* statisticsOf(const SiteQuestion& question) {
    return question.statistics ? question.statistics->find(question.id) : nullptr;
}

core::FloatTensor weightsOf(const SiteQuestion& question) {
    if (question.id.kind != core::SiteKind::Weight) {
        return {};
    }
    const core::Layer* const layer = question.model->findLayer(question.id.layer);
    return layer == nullptr ? core::FloatTensor() : core::layerWeights(*question.model, *layer);
}

core::QParams resolve(const SiteQuestion& question, const core::SiteQuant& quant) {
    return core::resolveSite(question.model->findLayer(question.id.layer), weightsOf(question), question.id,
                             quant, statisticsOf(question));
}

/// Error over every value of a tensor whose slices along dim 0 have their own grid.
core::QuantizationError errorByChannel(const core::FloatTensor& weights, const core::QParams& qparams) {
    const std::size_t channels = qparams.scale.size();
    const std::size_t perChannel = weights.values().size() / std::max<std::size_t>(channels, 1);
    core::QuantizationError total;
    for (std::size_t channel = 0; channel < channels; ++channel) {
        const core::QuantizationError part = core::quantizationError(
            weights.values().subspan(channel * perChannel, perChannel), qparams, channel);
        // Slices are equally large, so means average.
        const double share = 1.0 / static_cast<double>(channels);
        total.meanSquaredError += share * part.meanSquaredError;
        total.signalPower += share * part.signalPower;
        total.clippedShare += share * part.clippedShare;
    }
    total.sqnrDb = total.meanSquaredError > 0 ? 10.0 * std::log10(total.signalPower / total.meanSquaredError)
                                              : std::numeric_limits<double>::infinity();
    return total;
}

std::optional<core::QuantizationError> errorOf(const SiteQuestion& question, const core::QParams& qparams) {
    if (!qparams.isPerChannel()) {
        return core::quantizationError(statisticsOf(question)->histogram, qparams);
    }
    if (question.id.kind == core::SiteKind::Weight) {
        return errorByChannel(weightsOf(question), qparams);
    }
    return std::nullopt;  // calibration keeps one histogram an activation, not one a channel
}

}  // namespace

SiteState evaluateSite(const SiteQuestion& question) {
    SiteState state;
    if (question.quant.isFloat()) {
        return state;
    }
    const core::SiteStatistics* const statistics = statisticsOf(question);
    if (statistics == nullptr || statistics->empty()) {
        state.problem =
            QCoreApplication::translate("QuantDocument", "Not calibrated: press Calibrate to measure it.");
        return state;
    }
    try {
        state.isLearned = question.learned.has_value();
        state.qparams = question.learned ? *question.learned : resolve(question, question.quant);
        state.error = errorOf(question, *state.qparams);
        if (question.quant.manualRange || question.learned) {
            core::SiteQuant observed = question.quant;
            if (observed.manualRange) {
                observed.manualRange.reset();
                observed.granularity = {};
            }
            state.observerQparams = resolve(question, observed);
            state.observerError = errorOf(question, *state.observerQparams);
        } else {
            state.observerQparams = state.qparams;
            state.observerError = state.error;
        }
        if (!state.error) {
            state.problem = QCoreApplication::translate(
                "QuantDocument",
                "No estimate: an activation quantized per channel has no histogram per channel.");
        }
    } catch (const std::exception& error) {
        state = {};
        state.problem = QString::fromUtf8(error.what());
    }
    return state;
}

std::int64_t weightsToRead(const SiteQuestion& question) {
    if (question.quant.isFloat() || question.id.kind != core::SiteKind::Weight ||
        isPerTensor(question.quant)) {
        return 0;
    }
    const core::Layer* const layer = question.model->findLayer(question.id.layer);
    return layer == nullptr ? 0 : layer->weightCount;
}

std::vector<ErrorCurvePoint> errorCurve(const SiteQuestion& question, double lower, int points) {
    const core::SiteStatistics* const statistics = statisticsOf(question);
    std::vector<ErrorCurvePoint> curve;
    if (statistics == nullptr || statistics->empty() || question.quant.isFloat()) {
        return curve;
    }
    const double largest = std::max(std::abs(statistics->minimum), std::abs(statistics->maximum));
    if (!(largest > 0)) {
        return curve;
    }
    core::SiteQuant quant = question.quant;
    quant.granularity = {};
    try {
        // A grid fitted to the values is fitted anew for every point.
        const int steps = resolve(question, quant).isUniform() ? points : std::min(points, kFittedPoints);
        for (int i = 1; i <= steps; ++i) {
            const double bound = largest * i / steps;
            // A symmetric grid takes the larger side, so both sides move; an affine one keeps its lower clip.
            quant.manualRange =
                core::Range{lower < 0 ? std::max(lower, -bound) : std::min(lower, bound), bound};
            const core::QParams qparams = resolve(question, quant);
            const core::LevelProfile profile = core::levelProfile(statistics->histogram, qparams);
            const double error = profile.roundingError + profile.clippingError;
            curve.push_back({bound, core::quantizationError(statistics->histogram, qparams).sqnrDb, error,
                             profile.roundingError, profile.clippingError});
        }
    } catch (const core::Error&) {
        curve.clear();
    }
    return curve;
}

std::vector<ObserverChoice> observerChoices(const SiteQuestion& question) {
    std::vector<ObserverChoice> choices;
    const core::SiteStatistics* const statistics = statisticsOf(question);
    if (statistics == nullptr || statistics->empty() || question.quant.isFloat()) {
        return choices;
    }
    for (const core::MethodInfo& info : core::observerRegistry().list()) {
        try {
            const auto quantizer = core::quantizerRegistry().create(question.quant.quantizer);
            const core::ParamValues params = info.name == question.quant.observer.name
                                                 ? question.quant.observer.params
                                                 : core::ParamValues();
            const auto observer = core::observerRegistry().create({info.name, params});
            ObserverChoice choice;
            choice.name = info.name;
            choice.title = QString::fromStdString(info.title);
            choice.shortTitle = shortTitle(info);
            choice.range = observer->range(*statistics, *quantizer, *question.quant.bits);
            core::SiteQuant quant = question.quant;
            quant.granularity = {};
            quant.manualRange = choice.range;
            const core::QParams qparams = resolve(question, quant);
            const core::LevelProfile profile = core::levelProfile(statistics->histogram, qparams);
            choice.roundingError = profile.roundingError;
            choice.clippingError = profile.clippingError;
            choice.meanSquaredError = profile.roundingError + profile.clippingError;
            choice.clippedShare = core::quantizationError(statistics->histogram, qparams).clippedShare;
            choices.push_back(std::move(choice));
        } catch (const core::Error&) {
            continue;  // an observer that cannot judge this site has no mark on the curve
        }
    }
    return choices;
}

std::vector<core::LevelShare> levelShares(const SiteQuestion& question, const core::QParams& qparams) {
    const core::SiteStatistics* const statistics = statisticsOf(question);
    if (statistics == nullptr || statistics->empty()) {
        return {};
    }
    if (!qparams.isPerChannel()) {
        return core::levelProfile(statistics->histogram, qparams).levels;
    }
    const core::FloatTensor weights = weightsOf(question);
    if (!weights.defined() || weights.size() == 0) {
        return {};  // calibration keeps one histogram an activation, not one a channel
    }
    const auto slices = static_cast<std::int64_t>(qparams.scale.size());
    std::vector<float> dequantized(weights.values().size());
    core::fakeQuantizeTensor(weights.values(), dequantized, qparams, 1, slices, weights.size() / slices);
    core::Histogram histogram;
    histogram.add(dequantized);
    std::vector<core::LevelShare> shares;
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
        if (histogram.counts()[i] > 0) {
            shares.push_back({histogram.center(i), static_cast<double>(histogram.counts()[i])});
        }
    }
    if (histogram.zeros() > 0) {
        shares.push_back({0.0, static_cast<double>(histogram.zeros())});
    }
    std::sort(shares.begin(), shares.end(),
              [](const core::LevelShare& a, const core::LevelShare& b) { return a.level < b.level; });
    return shares;
}

std::optional<core::CodingCost> codingCost(const SiteQuestion& question) {
    const core::SiteStatistics* const statistics = statisticsOf(question);
    if (question.quant.isFloat() || statistics == nullptr || statistics->empty()) {
        return std::nullopt;
    }
    try {
        const core::QParams qparams = resolve(question, question.quant);
        if (question.id.kind == core::SiteKind::Weight) {
            const core::FloatTensor weights = weightsOf(question);
            return core::codingCost(core::weightEntropy(weights, qparams), weights.size());
        }
        const core::SiteEntropy entropy = core::activationEntropy(*statistics, qparams);
        if (entropy.symbols == 0) {
            return std::nullopt;
        }
        const core::Layer* const layer = question.model->findLayer(question.id.layer);
        const std::int64_t elements =
            layer != nullptr ? layer->outputElements
                             : static_cast<std::int64_t>(statistics->count /
                                                         std::max<std::uint64_t>(statistics->samples, 1));
        return core::codingCost(entropy, elements);
    } catch (const core::Error&) {
        return std::nullopt;  // the site's own state says what is wrong with it
    }
}

}  // namespace bitlathe::ui
