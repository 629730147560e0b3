#include "core/observers/min_max_observer.h"
#include "core/observers/moving_average_observer.h"
#include "core/observers/mse_observer.h"
#include "core/observers/percentile_observer.h"
#include "core/registry/param_specs.h"
#include "core/registry/registry.h"

namespace bitlathe::core {

namespace {

Registry<Observer> makeObservers() {
    Registry<Observer> observers("observer");
    observers.add({std::string(MinMaxObserver::kName), "Min-max", {}, "Jacob et al. 2018, arXiv:1712.05877"},
                  [](const ParamValues&) { return std::make_unique<MinMaxObserver>(); });
    observers.add(
        {std::string(MovingAverageObserver::kName),
         "Moving average of batch extrema",
         {realParam("averaging_constant", 0.01, 1e-6, 1.0, "weight of the newest batch")},
         "Jacob et al. 2018, arXiv:1712.05877, section 3.1"},
        [](const ParamValues& p) { return std::make_unique<MovingAverageObserver>(p.at("averaging_constant")); });
    observers.add({std::string(PercentileObserver::kName),
                   "Percentile",
                   {realParam("percentile", 99.99, 50.0, 100.0,
                              "percent of the values kept below the upper bound, and above the lower")},
                   "Wu et al. 2020, arXiv:2004.09602, section 3.3"},
                  [](const ParamValues& p) { return std::make_unique<PercentileObserver>(p.at("percentile")); });
    observers.add({std::string(MseObserver::kName),
                   "Least mean squared error",
                   {},
                   "Sung et al. 2015, arXiv:1511.06488; Choukroun et al. 2019, arXiv:1902.06822"},
                  [](const ParamValues&) { return std::make_unique<MseObserver>(); });
    return observers;
}

}  // namespace

const Registry<Observer>& observerRegistry() {
    static const Registry<Observer> registry = makeObservers();
    return registry;
}

}  // namespace bitlathe::core
