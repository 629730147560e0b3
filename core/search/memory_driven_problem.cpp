#include "core/search/memory_driven_problem.h"

#include "core/types/error.h"

#include <algorithm>
#include <map>
#include <utility>

namespace bitlathe::core {

namespace {

/// Marks every site as quantized; the rules choose the widths.
QuantConfig everythingQuantized(const PreparedModel& model, int bits) {
    QuantConfig config;
    config.input.bits = BitWidth(bits);
    for (const Layer& layer : model.layers) {
        LayerQuant& quant = config.layers[layer.id];
        quant.weight.bits = quant.output.bits = BitWidth(bits);
    }
    return config;
}

class ModelProblem {
public:
    ModelProblem(const PreparedModel& model, const MemoryDrivenOptions& options, RamModel ramModel,
                 const ArenaRules& rules)
        : m_model(model), m_config(everythingQuantized(model, options.bits.edge)),
          m_space(searchSpace(model, m_config, options.bits, ramModel, nullptr,
                              SensitivityMeasure::KlDivergence, rules)) {}

    MemoryDrivenProblem run() {
        m_problem.areBytesWhole = true;
        addTensors();
        for (const SearchStep& step : m_space.steps) {
            MemoryDrivenProblem::Step own{step.layer,
                                          m_space.layers[static_cast<std::size_t>(step.layer)],
                                          step.output < 0 ? -1 : tensorOf(step.output),
                                          step.fixedBytes,
                                          {}};
            for (const SearchStep::Term& term : step.terms) {
                own.terms.push_back({tensorOf(term.site), term.elements});
            }
            m_problem.steps.push_back(std::move(own));
        }
        addWeights();
        return std::move(m_problem);
    }

private:
    int tensorOf(int site) const { return m_tensorOfSite.at(site); }
    int siteIndex(const SiteId& id) const {
        const auto found = std::find_if(m_space.sites.begin(), m_space.sites.end(),
                                        [&](const SearchSite& site) { return site.site == id; });
        return static_cast<int>(found - m_space.sites.begin());
    }

    int inputTensor(const Layer& layer) const {
        const auto site = m_model.siteOfTensor(layer.inputNodes.front());
        if (!site) {
            throw Error(
                ErrorCode::UnsupportedOperator,
                "layer '" + layer.id.str() +
                    "' reads a tensor that cannot be quantized; the search has no bits to choose for it");
        }
        return tensorOf(siteIndex(*site));
    }

    void addTensors() {
        for (std::size_t i = 0; i < m_space.sites.size(); ++i) {
            const SearchSite& site = m_space.sites[i];
            if (site.site.kind == SiteKind::Weight) {
                continue;
            }
            const bool isFixed =
                site.site.layer == kInputLayer || site.site == m_model.siteOfTensor(logitNode(m_model.graph));
            const Layer* const layer = m_model.findLayer(site.site.layer);
            const bool handsOn = layer != nullptr && !isFixed && !layer->hasWeights() &&
                                 layer->inputNodes.size() == 1 &&
                                 m_model.siteOfTensor(layer->inputNodes.front());
            if (handsOn) {
                // Its bits are those of what it reads, as the paper's pooled tensor shares the last layer's.
                m_tensorOfSite[static_cast<int>(i)] =
                    tensorOf(siteIndex(*m_model.siteOfTensor(layer->inputNodes.front())));
                continue;
            }
            m_tensorOfSite[static_cast<int>(i)] = static_cast<int>(m_problem.tensors.size());
            m_problem.tensors.push_back({site.site, isFixed});
        }
    }

    void addWeights() {
        const NodeId logits = logitNode(m_model.graph);
        m_problem.otherRomBytes = computeBudget(m_model, m_config).romBytes;
        for (const Layer& layer : m_model.layers) {
            if (!layer.hasWeights()) {
                continue;
            }
            const int input = inputTensor(layer);
            const int output = tensorOf(siteIndex({layer.id, SiteKind::Output}));
            const bool isLogits = layer.node == logits;
            m_problem.weights.push_back(
                {layer.id, layer.weightCount, layer.outputChannels, input, output, layer.index, isLogits});
            // What the budget counts for the layer beside: its own parameters are the rules' business.
            m_problem.otherRomBytes -=
                packedBytes(layer.weightCount, m_config.input.bits) +
                parameterBytes(FoldScheme::PerLayerFolded, layer.outputChannels, isLogits);
        }
    }

    const PreparedModel& m_model;
    QuantConfig m_config;
    SearchSpace m_space;
    std::map<int, int> m_tensorOfSite;
    MemoryDrivenProblem m_problem;
};

}  // namespace

MemoryDrivenProblem memoryDrivenProblem(std::span<const ChainLayer> chain) {
    MemoryDrivenProblem problem;
    problem.tensors.push_back({{kInputLayer, SiteKind::Output}, true});
    for (std::size_t i = 0; i < chain.size(); ++i) {
        const ChainLayer& layer = chain[i];
        const auto index = static_cast<int>(i);
        const bool isLast = i + 1 == chain.size();
        problem.tensors.push_back({{layer.id, SiteKind::Output}, isLast});
        problem.weights.push_back(
            {layer.id, layer.weights, layer.outputChannels, index, index + 1, index, isLast});
        problem.steps.push_back({index,
                                 layer.id,
                                 index + 1,
                                 0,
                                 {{index, layer.inputElements}, {index + 1, layer.outputElements}}});
    }
    return problem;
}

MemoryDrivenProblem memoryDrivenProblem(const PreparedModel& model, const MemoryDrivenOptions& options,
                                        RamModel ramModel, const ArenaRules& rules) {
    return ModelProblem(model, options, ramModel, rules).run();
}

}  // namespace bitlathe::core
