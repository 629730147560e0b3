#pragma once

#include "plots/plot_widget.h"

#include "core/types/histogram.h"

#include <QString>

#include <functional>
#include <memory>
#include <vector>

namespace bitlathe::plots::samples {

/// A rectified, Laplace-shaped activation: `count` draws, about half of them exact zeros, largest near
/// `scale` * 12.
core::Histogram activations(int count = 200000, float scale = 0.5F);
/// A weight tensor: normal, symmetric about zero.
core::Histogram weights(int count = 20000);

/// One plot with data, as the window shows it.
struct Sample {
    QString name;
    std::function<std::unique_ptr<PlotWidget>()> make;
};
std::vector<Sample> all();

}  // namespace bitlathe::plots::samples
