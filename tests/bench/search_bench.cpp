// bitlathe-search-bench [rounds]: how long choosing bits takes, medians. Prints, judges nothing.

#include "core/device/budget.h"
#include "core/graph/prepare.h"
#include "core/search/bit_search.h"
#include "core/search/memory_driven.h"
#include "core/search/pareto_front.h"
#include "core/util/random.h"
#include "core/zoo/zoo.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>

namespace {

using namespace bitlathe::core;

double medianMs(int rounds, const std::function<void()>& work) {
    std::vector<double> times;
    for (int i = 0; i < rounds; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        work();
        times.push_back(
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

QuantConfig eightBits(const PreparedModel& model) {
    QuantConfig config;
    config.input.bits = BitWidth(8);
    for (const Layer& layer : model.layers) {
        LayerQuant& quant = config.layers[layer.id];
        quant.weight.bits = quant.output.bits = BitWidth(8);
        quant.weight.granularity.kind = Granularity::Kind::Channel;
    }
    return config;
}

/// Costs as a network has them: falling with the bits, sites of very different weight.
SensitivityTable madeUpTable(const PreparedModel& model) {
    Random random(Seed{7});
    SensitivityTable table;
    const auto add = [&](const SiteId& site) {
        const double scale = std::exp(4 * random.uniform());
        for (int bits = 2; bits <= 8; ++bits) {
            table.add({site, bits, 0, scale * std::pow(4.0, -bits) * (0.5 + random.uniform()), 0, 0});
        }
    };
    for (const Layer& layer : model.layers) {
        add({layer.id, SiteKind::Weight});
        add({layer.id, SiteKind::Output});
    }
    return table;
}

void benchModel(const char* title, const PreparedModel& model, std::int64_t rom, std::int64_t ram,
                int rounds) {
    std::printf("%s, ROM %lld B, RAM %lld B\n", title, static_cast<long long>(rom),
                static_cast<long long>(ram));
    MemoryDrivenOptions rules;
    rules.romLimitBytes = rom;
    rules.ramLimitBytes = ram;
    std::printf("  rules, whole graph        %9.3f ms\n",
                medianMs(rounds, [&] { memoryDrivenBits(model, rules); }));
    const QuantConfig config = eightBits(model);
    std::printf("  budget                    %9.3f ms\n",
                medianMs(rounds, [&] { computeBudget(model, config); }));
    std::printf("  budget with planned arena %9.3f ms\n",
                medianMs(rounds, [&] { computeBudget(model, config, RamModel::Arena); }));
    const SensitivityTable table = madeUpTable(model);
    for (const std::vector<int>& widths :
         {std::vector<int>{8, 4, 2}, std::vector<int>{8, 7, 6, 5, 4, 3, 2}}) {
        BitChoices bits;
        bits.weights = bits.activations = widths;
        const SearchSpace space =
            searchSpace(model, config, bits, RamModel::Lifetimes, &table, SensitivityMeasure::KlDivergence);
        std::printf("  %zu widths: space          %9.3f ms\n", widths.size(),
                    medianMs(std::min(rounds, 5), [&] {
                        searchSpace(model, config, bits, RamModel::Lifetimes, &table,
                                    SensitivityMeasure::KlDivergence);
                    }));
        double worst = 0;
        for (const double share : {0.95, 0.9, 0.8, 0.7, 0.6, 0.5}) {
            const SearchLimits limits{static_cast<std::int64_t>(static_cast<double>(rom) * share),
                                      static_cast<std::int64_t>(static_cast<double>(ram) * share),
                                      std::nullopt};
            worst = std::max(worst, medianMs(std::min(rounds, 5), [&] { searchIlp(space, limits); }));
        }
        std::printf("  %zu widths: ILP, slowest of six limits %9.3f ms\n", widths.size(), worst);
        std::printf("  %zu widths: greedy         %9.3f ms\n", widths.size(),
                    medianMs(std::min(rounds, 3), [&] {
                        searchGreedy(space, {rom, ram, std::nullopt});
                    }));
        std::size_t points = 0;
        const double front = medianMs(1, [&] { points = paretoFront(space).size(); });
        std::printf("  %zu widths: Pareto front   %9.1f ms, %zu points\n", widths.size(), front, points);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 31;
    std::printf("integer programming: %s\n", std::string(ilpSolverName()).c_str());
    benchModel("MobileNetV1 1.0/224",
               prepare(buildZooModel("mobilenet_v1", {{"width", 1}, {"size", 224}}, Seed{1})), 2'048'000,
               512'000, rounds);
    benchModel("ResNet-8", prepare(buildZooModel("resnet8", {}, Seed{1})), 50'000, 30'000, rounds);
    return 0;
}
