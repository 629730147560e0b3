#include "core/graph/graph.h"
#include "core/util/sha256.h"

#include <array>
#include <span>

namespace bitlathe::core {

namespace {

/// Feeds an operator's attributes and weights to the hash, each preceded by its count so that no two
/// operators read alike.
class HashOperator {
public:
    explicit HashOperator(Sha256& hash) : m_hash(hash) {}

    void operator()(const InputOp&) const {}
    void operator()(const Conv2dOp& op) const {
        tensor(op.weight);
        tensor(op.bias);
        numbers(op.stride);
        numbers(op.padding);
        numbers(op.dilation);
        number(static_cast<double>(op.groups));
    }
    void operator()(const LinearOp& op) const {
        tensor(op.weight);
        tensor(op.bias);
    }
    void operator()(const BatchNormOp& op) const {
        tensor(op.gamma);
        tensor(op.beta);
        tensor(op.mean);
        tensor(op.variance);
        number(op.epsilon);
    }
    void operator()(const ClampOp& op) const {
        number(op.lower);
        number(op.upper);
        for (const double upper : op.channelUpper) {
            number(upper);
        }
    }
    void operator()(const UnaryOp&) const {}  // its kind is in the operator's name
    void operator()(const LeakyReluOp& op) const { number(op.slope); }
    void operator()(const AddOp&) const {}
    void operator()(const MulOp&) const {}
    void operator()(const ConcatOp& op) const { number(op.axis); }
    void operator()(const Pool2dOp& op) const {
        numbers(op.kernel);
        numbers(op.stride);
        numbers(op.padding);
        number(op.ceilMode ? 1 : 0);
        number(op.countIncludePad ? 1 : 0);
    }
    void operator()(const GlobalAveragePoolOp&) const {}
    void operator()(const FlattenOp&) const {}
    void operator()(const SoftmaxOp& op) const { number(op.axis); }

private:
    void number(double value) const { m_hash.updateValues(std::span<const double>(&value, 1)); }
    template <std::size_t Count>
    void numbers(const std::array<std::int64_t, Count>& values) const {
        m_hash.updateValues(std::span<const std::int64_t>(values));
    }
    void tensor(const FloatTensor& value) const {
        number(static_cast<double>(value.shape().size()));
        m_hash.updateValues(std::span<const std::int64_t>(value.shape()));
        m_hash.updateValues(value.values());
    }

    Sha256& m_hash;
};

}  // namespace

std::string graphHash(const Graph& graph) {
    Sha256 hash;
    for (const Node& node : graph.nodes) {
        hash.update(node.name).update("\n").update(operatorName(node.op)).update("\n");
        std::visit(HashOperator(hash), node.op);
        hash.updateValues(std::span<const NodeId>(node.inputs));
        hash.updateValues(std::span<const std::int64_t>(node.outputShape));
    }
    hash.updateValues(std::span<const NodeId>(&graph.output, 1));
    return hash.hex();
}

}  // namespace bitlathe::core
