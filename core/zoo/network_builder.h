#pragma once

#include "core/graph/graph.h"
#include "core/types/seed.h"
#include "core/util/random.h"

#include <cstdint>
#include <string>

namespace bitlathe::core {

/// Appends freshly initialised layers to a Graph. Names follow module paths: NAME.conv, NAME.bn, NAME.act.
class NetworkBuilder {
public:
    /// Starts a graph with one input of C,H,W.
    NetworkBuilder(std::string name, const Shape& inputShape, Seed seed);

    enum class Activation { None, Relu, Relu6 };

    /// Convolution without bias (He normal, fan-out: std = sqrt(2 / (out * k * k / groups)); He et al. 2015,
    /// arXiv:1502.01852), padding (k-1)/2 on every side, batch norm (gamma 1, beta 0), activation.
    NodeId convBlock(const std::string& name, NodeId input, std::int64_t out, std::int64_t kernel,
                     std::int64_t stride, Activation activation, std::int64_t groups = 1);
    NodeId add(const std::string& name, NodeId a, NodeId b, Activation activation);
    NodeId maxPool(const std::string& name, NodeId input, std::int64_t kernel, std::int64_t stride,
                   std::int64_t padding);
    /// Global average pool, flatten, linear (normal, std 0.01; bias 0): the usual end of a classifier.
    void classifier(NodeId input, std::int64_t classes);
    NodeId activation(const std::string& name, NodeId input, Activation kind);

    NodeId input() const noexcept { return 0; }
    std::int64_t channels(NodeId node) const { return m_channels[static_cast<std::size_t>(node)]; }
    /// The finished graph with shapes inferred.
    Graph finish();

private:
    NodeId append(std::string name, Operator op, std::vector<NodeId> inputs, std::int64_t channels);
    FloatTensor normal(Shape shape, double deviation);

    Graph m_graph;
    Shape m_inputShape;
    std::vector<std::int64_t> m_channels;  ///< by node
    Random m_random;
};

}  // namespace bitlathe::core
