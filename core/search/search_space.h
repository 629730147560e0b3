#pragma once

#include "core/device/ram_model.h"
#include "core/graph/layer.h"
#include "core/search/sensitivity.h"
#include "core/types/quant_config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitlathe::core {

/// Widths a search may give, widest first, each in 2..8, none twice.
struct BitChoices {
    std::vector<int> weights{8, 4, 2};
    std::vector<int> activations{8, 4, 2};
    int edge = 8;  ///< of the image and the logits, for ever

    /// Errors  InvalidConfig: empty, a width outside 2..8, one that is there twice. Sorts.
    void validate();
};

/// What a result must keep.
struct SearchLimits {
    std::int64_t romBytes = 0;
    std::int64_t ramBytes = 0;
    std::optional<std::int64_t> bitOperations;  ///< sum over layers of MACs x weight bits x input bits
};

/// A site whose width is to be chosen (or, with one choice, is fixed).
struct SearchSite {
    struct Choice {
        int bits = 0;
        std::int64_t romBytes =
            0;            ///< what this width adds to SearchSpace::fixedRomBytes (negative: it saves)
        double cost = 0;  ///< of the sensitivity table; without one 4^-bits, the noise of a uniform grid
    };
    SiteId site;
    std::vector<Choice> choices;  ///< widest first
};

/// Memory of one layer's run: the sum over terms of ceil(elements * bits / 8), plus fixed bytes. Where an output may
/// lie over its input, a layer has one step for each end that may bind (README eq. 93).
struct SearchStep {
    struct Term {
        int site = -1;  ///< index into SearchSpace::sites
        std::int64_t elements = 0;
    };
    int layer = -1;   ///< index into the model's layers
    int output = -1;  ///< site of the layer's output; -1: not a site of its own
    std::int64_t fixedBytes = 0;
    std::vector<Term> terms;
};

/// A layer's multiplications.
struct SearchProduct {
    int weight = -1;  ///< index into sites
    int input = -1;
    std::int64_t macs = 0;
};

/// Choosing bits as arithmetic: what all searches work on. Every figure is the budget's (budget.h), taken apart.
struct SearchSpace {
    std::vector<SearchSite> sites;  ///< weights in layer order, then activations in the order they are made
    std::vector<SearchStep> steps;  ///< execution order
    std::vector<SearchProduct> products;
    std::vector<LayerId> layers;  ///< names of the model's layers, for verdicts
    std::int64_t fixedRomBytes = 0;
    RamModel ramModel = RamModel::Lifetimes;

    std::int64_t romBytes(const std::vector<int>& choice) const;
    std::int64_t stepBytes(const SearchStep& step, const std::vector<int>& choice) const;
    std::int64_t peakRamBytes(const std::vector<int>& choice) const;
    std::int64_t bitOperations(const std::vector<int>& choice) const;
    double cost(const std::vector<int>& choice) const;
};

/// `config` says how each site is quantized (granularity, batch norm); its widths are not read. Sites that are float in
/// it stay float and are fixed. `table` may be null: then every site counts the same, 4^-bits.
/// Errors  InvalidConfig: BitChoices; NotCalibrated: a width the table has no answer for.
SearchSpace searchSpace(const PreparedModel& model, const QuantConfig& config, BitChoices bits,
                        RamModel ramModel, const SensitivityTable* table, SensitivityMeasure measure,
                        const ArenaRules& rules = {});

/// A choice for each site: an index into its choices.
struct SearchResult {
    enum class Limit { Rom, Ram, BitOperations };

    bool isFeasible = false;
    bool isOptimal = false;  ///< proved by the solver
    std::string method;      ///< "ilp", "greedy"
    std::vector<int> choice;
    std::int64_t romBytes = 0;
    std::int64_t peakRamBytes = 0;
    std::int64_t bitOperations = 0;
    double cost = 0;  ///< estimate: sum of the sites' costs
    std::optional<Limit> brokenLimit;
    int bindingLayer = -1;  ///< index into SearchSpace::layers: the layer that stands in the way; -1: fits
    std::string verdict;    ///< for people
};

/// Puts the widths found into a configuration; everything else stays as it is. Max pools and flattens follow by
/// themselves. Sites that are float in `config` stay float.
void applyBits(const SearchSpace& space, const SearchResult& result, QuantConfig& config);

}  // namespace bitlathe::core
