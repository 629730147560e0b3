#include "core/observers/aciq_observer.h"
#include "core/observers/entropy_observer.h"
#include "core/observers/k_std_observer.h"
#include "core/observers/min_max_observer.h"
#include "core/observers/moving_average_observer.h"
#include "core/observers/mse_observer.h"
#include "core/observers/percentile_observer.h"
#include "core/observers/power_of_two_observer.h"
#include "core/observers/range_tracker.h"
#include "core/registry/param_specs.h"
#include "core/registry/registry.h"

namespace bitlathe::core {

namespace {

Registry<Observer> makeObservers() {
    Registry<Observer> observers("observer");
    observers.add(
        {std::string(MinMaxObserver::kName),
         "Min-max",
         {choiceParam("over", {"all", "batches", "samples", "sample_magnitudes"},
                      "extrema of all values; means of those of the batches or of the samples; mean of the "
                      "samples' largest magnitude (MXNet)")},
         "Jacob et al. 2018, arXiv:1712.05877; Quantization.MXNet"},
        [](const ParamValues& p) {
            return std::make_unique<MinMaxObserver>(chosen<MinMaxObserver::Over>(p, "over"));
        });
    observers.add({std::string(MovingAverageObserver::kName),
                   "Moving average of batch extrema",
                   {realParam("averaging_constant", 0.01, 1e-6, 1.0, "weight of the newest batch"),
                    choiceParam("start", {"first_batch", "zero"},
                                "what the average starts from; zero is MXNet's form")},
                   "Jacob et al. 2018, arXiv:1712.05877, section 3.1"},
                  [](const ParamValues& p) {
                      return std::make_unique<MovingAverageObserver>(
                          p.at("averaging_constant"), chosen<MovingAverage::Start>(p, "start"));
                  });
    observers.add(
        {std::string(PercentileObserver::kName),
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
    observers.add({std::string(KStdObserver::kName),
                   "Mean and k deviations",
                   {realParam("k", 3.0, 0.01, 100.0, "standard deviations to each side of the mean")},
                   "Lin et al. 2016, arXiv:1511.06393; Banner et al. 2019"},
                  [](const ParamValues& p) { return std::make_unique<KStdObserver>(p.at("k")); });
    observers.add(
        {std::string(AciqObserver::kName),
         "Analytic clip (ACIQ)",
         {choiceParam("prior", {"laplace", "gauss"}, "density the values are taken to follow"),
          choiceParam("model", {"analytic", "published", "real_grid"},
                      "how the best clip is known: closed form, the authors' two-digit table, "
                      "exact for the real grid"),
          choiceParam("sides", {"auto", "two", "one"},
                      "clip both ends about the mean, or the upper one of a tensor that a ReLU cuts")},
         "Banner et al. 2019, arXiv:1810.05723"},
        [](const ParamValues& p) {
            return std::make_unique<AciqObserver>(chosen<ClipPrior>(p, "prior"),
                                                  chosen<ClipModel>(p, "model"),
                                                  chosen<AciqObserver::Sides>(p, "sides"));
        });
    observers.add({std::string(EntropyObserver::kName),
                   "Least relative entropy (KL)",
                   {choiceParam("form", {"tensorrt", "interpolating", "ncnn"},
                                "how the clipped and the quantized histogram are compared")},
                   "Migacz 2017, GTC: 8-bit inference with TensorRT; ncnn; Quantization.MXNet"},
                  [](const ParamValues& p) {
                      return std::make_unique<EntropyObserver>(chosen<DivergenceForm>(p, "form"));
                  });
    observers.add({std::string(RangeTrackerObserver::kName),
                   "Running range (PACT2)",
                   {},
                   "edgeai-torchvision xnn (Texas Instruments)"},
                  [](const ParamValues&) { return std::make_unique<RangeTrackerObserver>(); });
    observers.add(
        {std::string(PowerOfTwoObserver::kName),
         "Power-of-two range",
         {choiceParam("base", {"histogram", "extrema", "running"},
                      "what the next power of two is taken of: the histogram's ends without a few values, "
                      "the extrema, the running range of PACT2"),
          realParam("percent", 0.01, 0, 49, "of the values cut off each end of the histogram")},
         "edgeai-torchvision xnn (Texas Instruments)"},
        [](const ParamValues& p) {
            return std::make_unique<PowerOfTwoObserver>(chosen<PowerOfTwoObserver::Base>(p, "base"),
                                                        p.at("percent"));
        });
    return observers;
}

}  // namespace

const Registry<Observer>& observerRegistry() {
    static const Registry<Observer> registry = makeObservers();
    return registry;
}

}  // namespace bitlathe::core
