#include "core/search/search_space.h"

#include "core/device/budget.h"
#include "core/types/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace bitlathe::core {

namespace {

constexpr std::int64_t kBitsPerByte = 8;
constexpr std::int64_t kFloatBytes = 4;

void sortWidths(std::vector<int>& widths, const char* what) {
    std::sort(widths.rbegin(), widths.rend());
    if (widths.empty()) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("no bits to choose from for the {}; give some of 2 to 8", what));
    }
    for (std::size_t i = 0; i < widths.size(); ++i) {
        if (widths[i] < 2 || widths[i] > 8) {
            throw Error(ErrorCode::InvalidConfig,
                        fmt::format("{} bits for the {}: a search chooses from 2 to 8", widths[i], what));
        }
        if (i > 0 && widths[i] == widths[i - 1]) {
            throw Error(ErrorCode::InvalidConfig,
                        fmt::format("{} bits stand twice in the choice for the {}", widths[i], what));
        }
    }
}

std::int64_t termBytes(std::int64_t elements, int bits) {
    return (elements * bits + kBitsPerByte - 1) / kBitsPerByte;
}

void setBits(QuantConfig& config, const SiteId& site, int bits) {
    if (site.layer == kInputLayer) {
        config.input.bits = BitWidth(bits);
        return;
    }
    LayerQuant& layer = config.layers[site.layer];
    (site.kind == SiteKind::Weight ? layer.weight : layer.output).bits = BitWidth(bits);
}

class Builder {
public:
    Builder(const PreparedModel& model, const QuantConfig& config, const BitChoices& bits, RamModel ramModel,
            const SensitivityTable* table, SensitivityMeasure measure, const ArenaRules& rules)
        : m_model(model), m_config(config), m_bits(bits), m_table(table), m_measure(measure), m_rules(rules) {
        m_space.ramModel = ramModel;
        for (const Layer& layer : model.layers) {
            m_space.layers.push_back(layer.id);
        }
    }

    SearchSpace run() {
        addSites();
        addRom();
        addSteps();
        addProducts();
        return std::move(m_space);
    }

private:
    void addSite(const SiteId& id, const std::vector<int>& widths) {
        SearchSite site{id, {}};
        for (const int bits : widths) {
            site.choices.push_back({bits, 0, costOf(id, bits, widths.size() > 1)});
        }
        m_siteIndex[id] = static_cast<int>(m_space.sites.size());
        m_space.sites.push_back(std::move(site));
    }

    /// A site without a choice costs nothing: it would be the same in every result.
    double costOf(const SiteId& id, int bits, bool hasChoice) const {
        if (!hasChoice) {
            return 0.0;
        }
        return m_table == nullptr ? std::pow(4.0, -bits) : m_table->cost(id, bits, m_measure);
    }

    const LayerQuant* quantOf(const Layer& layer) const {
        const auto found = m_config.layers.find(layer.id);
        return found == m_config.layers.end() ? nullptr : &found->second;
    }

    void addSites() {
        for (const Layer& layer : m_model.layers) {
            const LayerQuant* const quant = quantOf(layer);
            if (quant != nullptr && layer.hasWeights() && !quant->weight.isFloat()) {
                addSite({layer.id, SiteKind::Weight}, m_bits.weights);
            }
        }
        if (!m_config.input.isFloat()) {
            addSite({kInputLayer, SiteKind::Output}, {m_bits.edge});
        }
        const NodeId logits = logitNode(m_model.graph);
        for (const Layer& layer : m_model.layers) {
            const LayerQuant* const quant = quantOf(layer);
            if (quant != nullptr && layer.isQuantizable && !quant->output.isFloat()) {
                const bool isLogits = layer.node == logits || layer.outputNode == logits;
                addSite({layer.id, SiteKind::Output},
                        isLogits ? std::vector<int>{m_bits.edge} : m_bits.activations);
            }
        }
    }

    /// Every width alone against the widest everywhere: the budget's ROM is a sum over sites.
    void addRom() {
        QuantConfig config = m_config;
        for (const SearchSite& site : m_space.sites) {
            setBits(config, site.site, site.choices.front().bits);
        }
        m_space.fixedRomBytes = computeBudget(m_model, config).romBytes;
        for (SearchSite& site : m_space.sites) {
            for (SearchSite::Choice& choice : site.choices) {
                setBits(config, site.site, choice.bits);
                choice.romBytes = computeBudget(m_model, config).romBytes - m_space.fixedRomBytes;
            }
            setBits(config, site.site, site.choices.front().bits);
        }
    }

    int siteOf(NodeId node) const {
        const auto id = m_model.siteOfTensor(node);
        const auto found = id ? m_siteIndex.find(*id) : m_siteIndex.end();
        return found == m_siteIndex.end() ? -1 : found->second;
    }

    void addTerm(SearchStep& step, NodeId node, std::int64_t elements) const {
        const int site = siteOf(node);
        if (site < 0) {
            step.fixedBytes += kFloatBytes * elements;
        } else if (elements > 0) {
            step.terms.push_back({site, elements});
        }
    }

    void addSteps() {
        const TensorLifetimes lifetimes = tensorLifetimes(m_model);
        for (std::size_t i = 0; i < lifetimes.layers.size(); ++i) {
            const LayerTensors& places = lifetimes.layers[i];
            SearchStep step;
            step.layer = static_cast<int>(i);
            step.output = siteOf(m_model.layers[i].outputNode);
            for (std::size_t t = 0; t < lifetimes.tensors.size(); ++t) {
                const StoredTensor& tensor = lifetimes.tensors[t];
                const bool isOwn = static_cast<int>(t) == places.output ||
                                   std::find(places.inputs.begin(), places.inputs.end(),
                                             static_cast<int>(t)) != places.inputs.end();
                const bool isAlive = std::max(0, tensor.producer) <= step.layer &&
                                     step.layer <= tensor.lastLayer &&
                                     (m_space.ramModel != RamModel::InOut || isOwn);
                const bool isLeftOut =
                    (static_cast<int>(t) == places.output && places.isOutputShared) ||
                    (m_space.ramModel == RamModel::Arena && tensor.producer < 0 && !m_rules.isInputCounted);
                if (isAlive && !isLeftOut) {
                    addTerm(step, tensor.node, tensor.elements);
                }
            }
            addStep(std::move(step), places, lifetimes);
        }
    }

    /// A step as it is, or two where the output may lie over the inputs that end here: then one end or the other
    /// of the two together binds.
    void addStep(SearchStep step, const LayerTensors& places, const TensorLifetimes& lifetimes) {
        const Layer& layer = m_model.layers[static_cast<std::size_t>(step.layer)];
        const LayerOverlap overlap =
            m_space.ramModel == RamModel::Arena ? layerOverlap(m_model, layer, m_rules) : LayerOverlap();
        if (overlap.isAllowed) {
            addTerm(step, layer.inputNodes.front(), overlap.scratchElements);
        }
        const auto endsHere = [&](int tensor) {
            return lifetimes.tensors[static_cast<std::size_t>(tensor)].lastLayer == step.layer;
        };
        const bool isOver = overlap.isAllowed && !places.isOutputShared &&
                            std::any_of(places.inputs.begin(), places.inputs.end(), endsHere);
        if (!isOver) {
            m_space.steps.push_back(std::move(step));
            return;
        }
        SearchStep inputBinds = step;
        removeTerm(inputBinds, layer.outputNode, layer.outputElements);
        addTerm(inputBinds, layer.outputNode, overlap.outputUnit);
        for (const int input : places.inputs) {
            const StoredTensor& tensor = lifetimes.tensors[static_cast<std::size_t>(input)];
            if (endsHere(input)) {
                removeTerm(step, tensor.node, tensor.elements);
                addTerm(step, tensor.node, overlap.inputUnit);
            }
        }
        m_space.steps.push_back(std::move(inputBinds));
        m_space.steps.push_back(std::move(step));
    }

    void removeTerm(SearchStep& step, NodeId node, std::int64_t elements) const {
        const int site = siteOf(node);
        const auto found =
            std::find_if(step.terms.begin(), step.terms.end(), [&](const SearchStep::Term& term) {
                return term.site == site && term.elements == elements;
            });
        if (found != step.terms.end()) {
            step.terms.erase(found);
        } else if (site < 0) {
            step.fixedBytes -= kFloatBytes * elements;
        }
    }

    void addProducts() {
        for (const Layer& layer : m_model.layers) {
            const auto weight = m_siteIndex.find({layer.id, SiteKind::Weight});
            const int input = siteOf(layer.inputNodes.front());
            if (weight != m_siteIndex.end() && input >= 0) {
                m_space.products.push_back({weight->second, input, layer.macs});
            }
        }
    }

    const PreparedModel& m_model;
    const QuantConfig& m_config;
    const BitChoices& m_bits;
    const SensitivityTable* m_table;
    SensitivityMeasure m_measure;
    const ArenaRules& m_rules;
    std::map<SiteId, int> m_siteIndex;
    SearchSpace m_space;
};

}  // namespace

void BitChoices::validate() {
    sortWidths(weights, "weights");
    sortWidths(activations, "activations");
    std::vector<int> one{edge};
    sortWidths(one, "image and the logits");
}

std::int64_t SearchSpace::romBytes(const std::vector<int>& choice) const {
    std::int64_t bytes = fixedRomBytes;
    for (std::size_t i = 0; i < sites.size(); ++i) {
        bytes += sites[i].choices[static_cast<std::size_t>(choice[i])].romBytes;
    }
    return bytes;
}

std::int64_t SearchSpace::stepBytes(const SearchStep& step, const std::vector<int>& choice) const {
    std::int64_t bytes = step.fixedBytes;
    for (const SearchStep::Term& term : step.terms) {
        const auto site = static_cast<std::size_t>(term.site);
        bytes += termBytes(term.elements, sites[site].choices[static_cast<std::size_t>(choice[site])].bits);
    }
    return bytes;
}

std::int64_t SearchSpace::peakRamBytes(const std::vector<int>& choice) const {
    std::int64_t peak = 0;
    for (const SearchStep& step : steps) {
        peak = std::max(peak, stepBytes(step, choice));
    }
    return peak;
}

std::int64_t SearchSpace::bitOperations(const std::vector<int>& choice) const {
    const auto bitsOf = [&](int site) {
        const auto i = static_cast<std::size_t>(site);
        return std::int64_t{sites[i].choices[static_cast<std::size_t>(choice[i])].bits};
    };
    std::int64_t operations = 0;
    for (const SearchProduct& product : products) {
        operations += product.macs * bitsOf(product.weight) * bitsOf(product.input);
    }
    return operations;
}

double SearchSpace::cost(const std::vector<int>& choice) const {
    double sum = 0;
    for (std::size_t i = 0; i < sites.size(); ++i) {
        sum += sites[i].choices[static_cast<std::size_t>(choice[i])].cost;
    }
    return sum;
}

SearchSpace searchSpace(const PreparedModel& model, const QuantConfig& config, BitChoices bits,
                        RamModel ramModel, const SensitivityTable* table, SensitivityMeasure measure,
                        const ArenaRules& rules) {
    bits.validate();
    return Builder(model, config, bits, ramModel, table, measure, rules).run();
}

void applyBits(const SearchSpace& space, const SearchResult& result, QuantConfig& config) {
    for (std::size_t i = 0; i < space.sites.size(); ++i) {
        setBits(config, space.sites[i].site,
                space.sites[i].choices[static_cast<std::size_t>(result.choice[i])].bits);
    }
}

}  // namespace bitlathe::core
