#include "plot_samples.h"

#include "plots/histogram_plot.h"

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
    std::vector<float> codes;
    for (int code = -7; code <= 7; ++code) {
        levels.push_back(code * 0.31 / 7);
    }
    plot->setLevels(levels);
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
        const double nearest = std::clamp(std::round(histogram.center(i) / 0.31 * 7), -7.0, 7.0) * 0.31 / 7;
        codes.insert(codes.end(), histogram.counts()[i], static_cast<float>(nearest));
    }
    core::Histogram dequantized;
    dequantized.add(codes);
    plot->setDequantizedHistogram(dequantized);
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

} // namespace

std::vector<Sample> all() {
    return {{QStringLiteral("histogram_output"), activationPlot},
            {QStringLiteral("histogram_weight"), weightPlot},
            {QStringLiteral("histogram_linear"), linearHistogram},
            {QStringLiteral("histogram_empty"), emptyHistogram}};
}

} // namespace bitlathe::plots::samples
