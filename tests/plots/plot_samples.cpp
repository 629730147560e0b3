#include "plot_samples.h"

#include "plots/channel_bits_plot.h"
#include "plots/channel_range_plot.h"
#include "plots/compare_bars_plot.h"
#include "plots/error_curve_plot.h"
#include "plots/histogram_plot.h"
#include "plots/pareto_plot.h"
#include "plots/ram_timeline_plot.h"
#include "plots/rom_bar.h"
#include "plots/series_plot.h"
#include "plots/tensor_timeline_plot.h"
#include "plots/training_curve_plot.h"

#include <cmath>
#include <random>

namespace bitlathe::plots::samples {

core::Histogram activations(int count, float scale) {
    std::mt19937 generator(7);
    std::exponential_distribution<float> magnitude(1.0F / scale);
    std::bernoulli_distribution isPositive(0.5);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) {
        value = isPositive(generator) ? magnitude(generator) : 0.0F;
    }
    core::Histogram histogram;
    histogram.add(values);
    return histogram;
}

core::Histogram weights(int count) {
    std::mt19937 generator(11);
    std::normal_distribution<float> value(0.0F, 0.12F);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& v : values) {
        v = value(generator);
    }
    core::Histogram histogram;
    histogram.add(values);
    return histogram;
}

namespace {

std::unique_ptr<PlotWidget> activationPlot() {
    auto plot = std::make_unique<HistogramPlot>();
    plot->resize(370, 215);
    plot->setHistogram(activations());
    plot->setValueCaption(QStringLiteral("output value, 5,000 images"));
    plot->setRange({0, 3.742});
    plot->setMovable(false, true);
    std::vector<double> levels;
    for (int code = 0; code < 16; ++code) {
        levels.push_back(code * 3.742 / 15);
    }
    plot->setLevels(std::move(levels));
    plot->setMarks({{QStringLiteral("MSE"), 3.31, true},
                    {QStringLiteral("KL"), 2.4},
                    {QStringLiteral("ACIQ"), 3.28},
                    {QStringLiteral("99.9 %"), 3.4},
                    {QStringLiteral("min-max"), 6.2}});
    return plot;
}

std::unique_ptr<PlotWidget> weightPlot() {
    auto plot = std::make_unique<HistogramPlot>();
    plot->resize(370, 190);
    const core::Histogram histogram = weights();
    plot->setHistogram(histogram);
    plot->setValueCaption(QStringLiteral("weight, 20,000 values"));
    plot->setRange({-0.31, 0.31});
    std::vector<double> levels;
    std::vector<LevelCount> counts;
    for (int code = -7; code <= 7; ++code) {
        levels.push_back(code * 0.31 / 7);
        counts.push_back({levels.back(), 0});
    }
    plot->setLevels(levels);
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
        const double nearest = std::clamp(std::round(histogram.center(i) / 0.31 * 7), -7.0, 7.0);
        counts[static_cast<std::size_t>(nearest + 7)].count += static_cast<double>(histogram.counts()[i]);
    }
    plot->setLevelCounts(std::move(counts));
    return plot;
}

std::unique_ptr<PlotWidget> linearHistogram() {
    auto plot = std::make_unique<HistogramPlot>();
    plot->resize(370, 160);
    plot->setHistogram(weights());
    plot->setLogarithmic(false);
    plot->setRange({-0.2, 0.3});
    return plot;
}

std::unique_ptr<PlotWidget> emptyHistogram() {
    auto plot = std::make_unique<HistogramPlot>();
    plot->resize(370, 160);
    return plot;
}

std::vector<ErrorCurvePoint> errorCurve(ErrorMeasure measure) {
    // 4 bit, Laplace of scale 0.5: clipping error falls as e^(-clip/b), rounding error grows as step^2 / 12.
    std::vector<ErrorCurvePoint> points;
    for (int i = 1; i <= 120; ++i) {
        const double clip = 0.052 * i;
        const double step = clip / 15;
        const double mse = 0.5 * std::exp(-clip / 0.5) + step * step / 12;
        points.push_back({clip, measure == ErrorMeasure::SqnrDb ? 10 * std::log10(0.5 / mse) : mse});
    }
    return points;
}

std::unique_ptr<PlotWidget> errorPlot(ErrorMeasure measure) {
    auto plot = std::make_unique<ErrorCurvePlot>();
    plot->resize(370, 140);
    plot->setCurve(errorCurve(measure), measure);
    plot->setMarks({{QStringLiteral("MSE"), 3.31, true},
                    {QStringLiteral("KL"), 2.4},
                    {QStringLiteral("ACIQ"), 3.28},
                    {QStringLiteral("99.9 %"), 3.4},
                    {QStringLiteral("min-max"), 6.2}});
    HistogramPlot histogram;
    histogram.resize(370, 215);
    QObject::connect(&histogram, &HistogramPlot::axisChanged, plot.get(), &ErrorCurvePlot::setAxis);
    histogram.setHistogram(activations());
    histogram.setRange({0, 3.742});
    plot->setCurrent(3.742);
    return plot;
}

/// A MobileNet's shape: few bytes at the front and most of the ROM at the back; RAM the other way round.
std::vector<RomSegment> romSegments() {
    std::vector<RomSegment> segments;
    for (int block = 0; block <= 13; ++block) {
        const auto layer = [block](const char* part) {
            return core::LayerId("blocks." + std::to_string(block) + part);
        };
        const qint64 channels = 8LL << std::min(5, (block + 1) / 2);
        const int bits = block % 3 == 2 ? 2 : block < 5 ? 8 : 4;
        segments.push_back({layer(".depthwise"), QStringLiteral("block %1 · depthwise").arg(block),
                            channels * 17, core::BitWidth(8)});
        segments.push_back({layer(".pointwise"), QStringLiteral("block %1 · pointwise").arg(block),
                            channels * channels * bits / 8 + channels * 8,
                            block == 13 ? std::nullopt : std::optional(core::BitWidth(bits))});
    }
    return segments;
}

std::vector<RamStep> ramSteps() {
    std::vector<RamStep> steps;
    qint64 input = 1024;
    for (const RomSegment& segment : romSegments()) {
        const auto i = static_cast<int>(steps.size());
        const qint64 output = std::max<qint64>(256, 9216 - 300 * std::abs(i - 3) - 100 * i);
        steps.push_back({segment.layer, segment.name, input, output, i > 4 && i < 8 ? 2048 : 0});
        input = output;
    }
    return steps;
}

std::unique_ptr<PlotWidget> romBar(int width, std::optional<qint64> limit) {
    auto bar = std::make_unique<RomBar>();
    bar->resize(width, bar->sizeHint().height());
    bar->setSegments(romSegments());
    bar->setLimit(limit);
    bar->setSelection({core::LayerId("blocks.9.pointwise")});
    return bar;
}

std::unique_ptr<PlotWidget> ramTimeline(int width, std::optional<qint64> limit) {
    auto plot = std::make_unique<RamTimelinePlot>();
    plot->resize(width, 180);
    plot->setSteps(ramSteps());
    plot->setLimit(limit);
    plot->setSelection({core::LayerId("blocks.6.depthwise")});
    return plot;
}

std::unique_ptr<PlotWidget> channelPlot(ChannelOrder order, bool isPerChannel, int channels) {
    auto plot = std::make_unique<ChannelRangePlot>();
    plot->resize(370, 190);
    std::mt19937 generator(5);
    std::gamma_distribution<double> magnitude(3, 0.08);
    std::vector<core::Range> observed;
    std::vector<core::Range> representable;
    for (int i = 0; i < channels; ++i) {
        const double upper = magnitude(generator);
        observed.push_back({-magnitude(generator), upper});
        const double bound = std::max(upper, -observed.back().lower) * 0.9;
        representable.push_back({-bound, bound * 127 / 128});
    }
    if (!isPerChannel) {
        representable = {{-0.45, 0.45}};
    }
    plot->setChannels(observed, representable);
    plot->setOrder(order);
    return plot;
}

std::unique_ptr<PlotWidget> trainingPlot() {
    auto plot = std::make_unique<TrainingCurvePlot>();
    plot->resize(370, 180);
    plot->setPlannedEpochs(5);
    for (int step = 0; step <= 150; ++step) {
        const double epoch = step * 0.025;
        TrainingPoint point{epoch, 0.29 + 1.6 * std::exp(-1.3 * epoch) + 0.03 * std::sin(step), std::nullopt};
        if (step % 5 == 0) {
            point.accuracyPercent = 90.1 - 45 * std::exp(-1.8 * epoch) + 0.4 * std::sin(2.0 * step);
        }
        plot->append(point);
    }
    return plot;
}

std::unique_ptr<PlotWidget> comparePlot(int width, int height, std::size_t count) {
    auto plot = std::make_unique<CompareBarsPlot>();
    plot->resize(width, height);
    std::vector<CompareRun> runs{
        {1, QStringLiteral("float"), 91.18, core::Range{90.61, 91.72}, 10000, 32.0, 32.0, 861992, 57344},
        {2, QStringLiteral("W8A8"), 90.97, core::Range{90.39, 91.52}, 10000, 8.0, 8.0, 230104, 14336},
        {3, QStringLiteral("W4A8 per channel"), 88.34, core::Range{87.69, 88.95}, 10000, 4.0, 8.0, 126208,
         14336},
        {4, QStringLiteral("mixed, fits STM32F411RE"), 90.63, core::Range{90.04, 91.19}, 10000, 4.31, 7.2,
         104312, 12288}};
    runs.resize(std::min(count, runs.size()));
    plot->setRuns(runs);
    return plot;
}

std::unique_ptr<PlotWidget> paretoPlot(int width, int height) {
    auto plot = std::make_unique<ParetoPlot>();
    plot->resize(width, height);
    std::mt19937 generator(23);
    std::uniform_real_distribution<double> loss(0.3, 4);
    std::vector<ParetoPoint> points;
    for (int i = 0; i < 24; ++i) {
        const qint64 bytes = 60000 + 9000LL * i;
        const double accuracy =
            91.2 - 400000.0 / static_cast<double>(bytes) - (i % 4 == 0 ? 0.1 : loss(generator));
        points.push_back({i, QStringLiteral("mixed %1").arg(i), bytes, accuracy,
                          core::Range{accuracy - 0.6, accuracy + 0.6}});
    }
    plot->setPoints(points);
    plot->setLimit(262144);
    plot->setSelection({7});
    return plot;
}

std::unique_ptr<PlotWidget> frontPlot() {
    auto plot = std::make_unique<ParetoPlot>();
    plot->resize(560, 300);
    std::vector<ParetoPoint> points;
    for (int i = 0; i < 9; ++i) {
        points.push_back({i,
                          QStringLiteral("W%1 A8").arg(2 + 0.7 * i),
                          60000 + 18000LL * i,
                          91.0 - 12.0 / (i + 1),
                          {},
                          true,
                          12288 + 1024 * (i % 3)});
    }
    points.push_back({-3, QStringLiteral("W4A8"), 126208, 88.34, {}, false, 14336});
    plot->setPoints(points);
    plot->setSelection({4});
    return plot;
}

std::unique_ptr<PlotWidget> seriesPlot(int width) {
    auto plot = std::make_unique<SeriesPlot>(QStringLiteral("Learned ranges"));
    plot->resize(width, 200);
    plot->setCaptions(QStringLiteral("step"), QStringLiteral("upper bound"));
    std::vector<Series> series;
    for (int line = 0; line < 6; ++line) {
        Series each{QStringLiteral("block %1 · pointwise").arg(line + 1), {}, line == 5};
        for (int step = 0; step < 40; ++step) {
            each.points.emplace_back(step, 6.0 - 0.02 * step * (line % 4) + 0.01 * line);
        }
        series.push_back(std::move(each));
    }
    plot->setSeries(std::move(series));
    return plot;
}

std::unique_ptr<PlotWidget> bitsPlot() {
    auto plot = std::make_unique<ChannelBitsPlot>();
    plot->resize(370, 130);
    std::vector<ChannelBits> channels;
    for (int c = 0; c < 48; ++c) {
        channels.push_back({c % 6 == 0 ? 4.0 : 3.0, 3.0 - 0.04 * (c % 20)});
    }
    plot->setChannels(std::move(channels));
    return plot;
}

std::unique_ptr<PlotWidget> errorPartsPlot() {
    auto plot = std::make_unique<ErrorCurvePlot>();
    plot->resize(370, 150);
    std::vector<ErrorCurvePoint> points;
    for (int i = 1; i <= 60; ++i) {
        const double clip = 0.1 * i;
        const double rounding = 1e-4 * clip * clip;
        const double clipping = 0.05 * std::exp(-2.0 * clip);
        points.push_back({clip, rounding + clipping, rounding, clipping});
    }
    plot->setCurve(std::move(points), ErrorMeasure::MeanSquaredError);
    plot->setMarks(
        {{QStringLiteral("MSE"), 2.6, true}, {QStringLiteral("KL"), 2.2}, {QStringLiteral("min-max"), 5.9}});
    plot->setCurrent(2.6);
    return plot;
}

std::unique_ptr<PlotWidget> tensorTimeline(int width, qint64 limit) {
    auto plot = std::make_unique<TensorTimelinePlot>();
    plot->resize(width, 180);
    std::vector<TensorSpan> spans;
    for (int i = 0; i < 12; ++i) {
        const qint64 bytes = 8192 >> (i / 3);
        spans.push_back({core::LayerId(QStringLiteral("l%1").arg(i).toStdString()),
                         QStringLiteral("block %1").arg(i), bytes, i % 2 == 0 ? 0 : 8192, i, i + 1,
                         core::BitWidth(i % 3 == 0 ? 4 : 8), false});
    }
    plot->setSpans(std::move(spans), 1, QStringLiteral("Arena, outputs over inputs: 16,384 B"));
    plot->setLimit(limit);
    return plot;
}

}  // namespace

std::vector<Sample> all() {
    return {{QStringLiteral("tensors_near"), [] { return tensorTimeline(1000, 20480); }},
            {QStringLiteral("tensors_over"), [] { return tensorTimeline(370, 12288); }},
            {QStringLiteral("pareto_front"), frontPlot},
            {QStringLiteral("series"), [] { return seriesPlot(560); }},
            {QStringLiteral("series_narrow"), [] { return seriesPlot(340); }},
            {QStringLiteral("channel_bits"), bitsPlot},
            {QStringLiteral("error_parts"), errorPartsPlot},
            {QStringLiteral("compare_two"), [] { return comparePlot(1000, 120, 2); }},
            {QStringLiteral("compare_four"), [] { return comparePlot(1000, 160, 4); }},
            {QStringLiteral("compare_narrow"), [] { return comparePlot(370, 440, 3); }},
            {QStringLiteral("pareto"), [] { return paretoPlot(560, 300); }},
            {QStringLiteral("pareto_narrow"), [] { return paretoPlot(370, 200); }},
            {QStringLiteral("channels_tensor"), [] { return channelPlot(ChannelOrder::ByIndex, false, 24); }},
            {QStringLiteral("channels_each"), [] { return channelPlot(ChannelOrder::ByWidth, true, 128); }},
            {QStringLiteral("training"), trainingPlot},
            {QStringLiteral("error_sqnr"), [] { return errorPlot(ErrorMeasure::SqnrDb); }},
            {QStringLiteral("error_mse"), [] { return errorPlot(ErrorMeasure::MeanSquaredError); }},
            {QStringLiteral("rom_near"), [] { return romBar(1000, 262144); }},
            {QStringLiteral("rom_far"), [] { return romBar(1000, 1048576); }},
            {QStringLiteral("rom_over"), [] { return romBar(370, 65536); }},
            {QStringLiteral("ram_near"), [] { return ramTimeline(1000, 20480); }},
            {QStringLiteral("ram_far"), [] { return ramTimeline(1000, 131072); }},
            {QStringLiteral("ram_over"), [] { return ramTimeline(370, 16384); }},
            {QStringLiteral("histogram_output"), activationPlot},
            {QStringLiteral("histogram_weight"), weightPlot},
            {QStringLiteral("histogram_linear"), linearHistogram},
            {QStringLiteral("histogram_empty"), emptyHistogram}};
}

}  // namespace bitlathe::plots::samples
