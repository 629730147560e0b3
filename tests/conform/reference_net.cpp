#include "tests/conform/reference_net.h"

#include <algorithm>
#include <stdexcept>

namespace bitlathe::conform {

namespace {

/// Calls f(output index, input index, weight index) for every product of a convolution.
template <typename F>
void forEachProduct(const std::vector<std::int64_t>& in, const std::vector<std::int64_t>& w,
                    const std::vector<std::int64_t>& out, const ConvShape& shape, const F& f) {
    if (in.size() != 4 || w.size() != 4 || out.size() != 4 || in[0] != out[0] || w[0] != out[1] ||
        in[1] != w[1] * shape.groups || w[0] % shape.groups != 0) {
        throw std::runtime_error("the shapes of a convolution do not fit each other");
    }
    const std::int64_t perGroup = w[0] / shape.groups;
    for (std::int64_t n = 0; n < out[0]; ++n) {
        for (std::int64_t o = 0; o < out[1]; ++o) {
            const std::int64_t firstChannel = o / perGroup * w[1];
            for (std::int64_t y = 0; y < out[2]; ++y) {
                for (std::int64_t x = 0; x < out[3]; ++x) {
                    const auto to = static_cast<std::size_t>(((n * out[1] + o) * out[2] + y) * out[3] + x);
                    for (std::int64_t c = 0; c < w[1]; ++c) {
                        for (std::int64_t ky = 0; ky < w[2]; ++ky) {
                            const std::int64_t iy = y * shape.stride + ky - shape.padding[0];
                            for (std::int64_t kx = 0; kx < w[3]; ++kx) {
                                const std::int64_t ix = x * shape.stride + kx - shape.padding[1];
                                if (iy < 0 || iy >= in[2] || ix < 0 || ix >= in[3]) {
                                    continue;
                                }
                                f(to,
                                  static_cast<std::size_t>(
                                      ((n * in[1] + firstChannel + c) * in[2] + iy) * in[3] + ix),
                                  static_cast<std::size_t>(((o * w[1] + c) * w[2] + ky) * w[3] + kx));
                            }
                        }
                    }
                }
            }
        }
    }
}

Tensor zeros(const std::vector<std::int64_t>& shape) {
    std::size_t count = 1;
    for (const std::int64_t size : shape) {
        count *= static_cast<std::size_t>(size);
    }
    return {shape, std::vector<double>(count, 0.0)};
}

std::vector<std::int64_t> outputShape(const Tensor& x, const Tensor& weight, const ConvShape& shape) {
    if (x.shape.size() != 4 || weight.shape.size() != 4 || shape.stride < 1) {
        throw std::runtime_error("a convolution needs four dimensions and a stride of at least 1");
    }
    return {x.shape[0], weight.shape[0],
            (x.shape[2] + shape.padding[0] + shape.padding[2] - weight.shape[2]) / shape.stride + 1,
            (x.shape[3] + shape.padding[1] + shape.padding[3] - weight.shape[3]) / shape.stride + 1};
}

}  // namespace

core::FloatTensor vectorOf(const std::vector<double>& values) {
    return {{static_cast<std::int64_t>(values.size())}, {values.begin(), values.end()}};
}

ConvShape same(std::int64_t padding, std::int64_t stride, std::int64_t groups) {
    return {stride, {padding, padding, padding, padding}, groups};
}

Tensor conv2d(const Tensor& x, const Tensor& weight, const std::vector<double>& bias,
              const ConvShape& shape) {
    Tensor out = zeros(outputShape(x, weight, shape));
    forEachProduct(x.shape, weight.shape, out.shape, shape,
                   [&](std::size_t to, std::size_t from, std::size_t w) {
                       out.values[to] += x.values[from] * weight.values[w];
                   });
    const auto plane = static_cast<std::size_t>(out.shape[2] * out.shape[3]);
    for (std::size_t i = 0; !bias.empty() && i < out.size(); ++i) {
        out.values[i] += bias[i / plane % bias.size()];
    }
    return out;
}

Tensor conv2dGradientInput(const Tensor& gradient, const Tensor& weight,
                           const std::vector<std::int64_t>& inputShape, const ConvShape& shape) {
    Tensor result = zeros(inputShape);
    forEachProduct(inputShape, weight.shape, gradient.shape, shape,
                   [&](std::size_t to, std::size_t from, std::size_t w) {
                       result.values[from] += gradient.values[to] * weight.values[w];
                   });
    return result;
}

Tensor conv2dGradientWeight(const Tensor& gradient, const Tensor& x,
                            const std::vector<std::int64_t>& weightShape, const ConvShape& shape) {
    Tensor result = zeros(weightShape);
    forEachProduct(x.shape, weightShape, gradient.shape, shape,
                   [&](std::size_t to, std::size_t from, std::size_t w) {
                       result.values[w] += gradient.values[to] * x.values[from];
                   });
    return result;
}

std::vector<double> channelSums(const Tensor& x) {
    std::vector<double> sums(static_cast<std::size_t>(x.dim(1)), 0.0);
    std::size_t inner = 1;
    for (std::size_t d = 2; d < x.shape.size(); ++d) {
        inner *= static_cast<std::size_t>(x.shape[d]);
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
        sums[i / inner % sums.size()] += x.values[i];
    }
    return sums;
}

Tensor linear(const Tensor& x, const Tensor& weight, const std::vector<double>& bias) {
    const auto features = static_cast<std::size_t>(weight.dim(1));
    const auto outputs = static_cast<std::size_t>(weight.dim(0));
    const std::size_t rows = x.size() / features;
    Tensor out = zeros({static_cast<std::int64_t>(rows), weight.dim(0)});
    for (std::size_t n = 0; n < rows; ++n) {
        for (std::size_t o = 0; o < outputs; ++o) {
            double sum = bias.empty() ? 0.0 : bias[o];
            for (std::size_t f = 0; f < features; ++f) {
                sum += x.values[n * features + f] * weight.values[o * features + f];
            }
            out.values[n * outputs + o] = sum;
        }
    }
    return out;
}

Tensor maxPool2x2(const Tensor& x) {
    Tensor out = zeros({x.dim(0), x.dim(1), x.dim(2) / 2, x.dim(3) / 2});
    const auto height = static_cast<std::size_t>(x.dim(2));
    const auto width = static_cast<std::size_t>(x.dim(3));
    std::size_t to = 0;
    for (std::size_t plane = 0; plane < static_cast<std::size_t>(x.dim(0) * x.dim(1)); ++plane) {
        for (std::size_t y = 0; y < height / 2; ++y) {
            for (std::size_t c = 0; c < width / 2; ++c) {
                const double* const p = x.values.data() + (plane * height + 2 * y) * width + 2 * c;
                out.values[to++] = std::max({p[0], p[1], p[width], p[width + 1]});
            }
        }
    }
    return out;
}

Tensor relu(Tensor x) {
    for (double& value : x.values) {
        value = std::max(value, 0.0);
    }
    return x;
}

Tensor fromFloats(const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
    return {shape, {values.begin(), values.end()}};
}

}  // namespace bitlathe::conform
