#include "core/train/learning_rate_schedule.h"

#include "core/registry/param_specs.h"
#include "core/train/cosine_step.h"
#include "core/train/one_cycle.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>

namespace bitlathe::core {

namespace {

[[noreturn]] void refuse(const std::string& text) {
    throw Error(ErrorCode::InvalidConfig, "learning-rate schedule: " + text);
}

class Constant final : public LearningRateSchedule {
public:
    explicit Constant(double rate) : m_rate(rate) {}
    double rate(std::int64_t) const override { return m_rate; }

private:
    double m_rate;
};

/// The part of the training between two milestones that a step lies in.
struct Segment {
    std::size_t index = 0;  ///< milestones passed
    double share = 0;       ///< 0 at its first step, 1 just behind its last
};

/// Cuts a training at its milestones (epochs, fractions allowed).
class Segments {
public:
    Segments(const std::vector<double>& milestones, const TrainingSpan& span) {
        for (const double epoch : milestones) {
            m_ends.push_back(epoch * static_cast<double>(span.stepsPerEpoch));
        }
        m_ends.push_back(static_cast<double>(span.steps()));
    }
    Segment at(std::int64_t step) const {
        const auto position = static_cast<double>(step);
        Segment segment;
        while (segment.index + 1 < m_ends.size() && position >= m_ends[segment.index]) {
            ++segment.index;
        }
        const double begin = segment.index == 0 ? 0 : m_ends[segment.index - 1];
        segment.share = (position - begin) / (m_ends[segment.index] - begin);
        return segment;
    }

private:
    std::vector<double> m_ends;  ///< steps
};

class Multistep final : public LearningRateSchedule {
public:
    Multistep(double rate, double factor, Segments segments)
        : m_rate(rate), m_factor(factor), m_segments(std::move(segments)) {}
    double rate(std::int64_t step) const override {
        return m_rate * std::pow(m_factor, static_cast<double>(m_segments.at(step).index));
    }

private:
    double m_rate;
    double m_factor;
    Segments m_segments;
};

class Exponential final : public LearningRateSchedule {
public:
    Exponential(double rate, double factor, std::int64_t stepsPerEpoch)
        : m_rate(rate), m_factor(factor), m_stepsPerEpoch(stepsPerEpoch) {}
    double rate(std::int64_t step) const override {
        return m_rate * std::pow(m_factor, static_cast<double>(step / m_stepsPerEpoch));
    }

private:
    double m_rate;
    double m_factor;
    std::int64_t m_stepsPerEpoch;
};

class Polynomial final : public LearningRateSchedule {
public:
    Polynomial(double rate, double endRate, double power, Segments segments)
        : m_rate(rate), m_endRate(endRate), m_power(power), m_segments(std::move(segments)) {}
    double rate(std::int64_t step) const override {
        return m_endRate + (m_rate - m_endRate) * std::pow(1 - m_segments.at(step).share, m_power);
    }

private:
    double m_rate;
    double m_endRate;
    double m_power;
    Segments m_segments;
};

class CosineRestarts final : public LearningRateSchedule {
public:
    CosineRestarts(double rate, double endRate, double restartFactor, Segments segments)
        : m_rate(rate), m_endRate(endRate), m_restartFactor(restartFactor), m_segments(std::move(segments)) {}
    double rate(std::int64_t step) const override {
        const Segment segment = m_segments.at(step);
        const double start = m_rate * std::pow(m_restartFactor, static_cast<double>(segment.index));
        return cosineStep(start, m_endRate, segment.share);
    }

private:
    double m_rate;
    double m_endRate;
    double m_restartFactor;
    Segments m_segments;
};

/// Linear rise in front of another schedule, which goes on as if it had been there from the start.
class WarmUp final : public LearningRateSchedule {
public:
    WarmUp(std::unique_ptr<LearningRateSchedule> main, double start, double steps)
        : m_main(std::move(main)), m_start(start), m_steps(steps) {}
    double rate(std::int64_t step) const override {
        const double share = std::min(1.0, static_cast<double>(step) / m_steps);
        return m_main->rate(step) * (m_start + (1 - m_start) * share);
    }

private:
    std::unique_ptr<LearningRateSchedule> m_main;
    double m_start;
    double m_steps;
};

ParamSpec endFactorParam() {
    return realParam("end_factor", 0, 0, 1, "share of the rate at the end of each segment");
}

/// Where a schedule is laid.
struct Layout {
    double rate = 0;
    Segments segments;
    TrainingSpan span;
};

/// A schedule that knows its parameters, but not yet its training.
struct Outline {
    std::function<std::unique_ptr<LearningRateSchedule>(const Layout&)> layOver;
};

const Registry<Outline>& outlines() {
    static const Registry<Outline> registry = [] {
        Registry<Outline> all("learning-rate schedule");
        const auto add = [&](MethodInfo info, auto make) {
            all.add(std::move(info), [make](const ParamValues& params) {
                return std::make_unique<Outline>(
                    Outline{[make, params](const Layout& layout) { return make(params, layout); }});
            });
        };
        using Made = std::unique_ptr<LearningRateSchedule>;
        add({"constant", "The same rate throughout", {}, ""},
            [](const ParamValues&, const Layout& to) -> Made { return std::make_unique<Constant>(to.rate); });
        add({"multistep",
             "Falls by a factor at each milestone",
             {realParam("factor", 0.1, 0, 1, "rate behind a milestone over the rate before it")},
             ""},
            [](const ParamValues& p, const Layout& to) -> Made {
                return std::make_unique<Multistep>(to.rate, p.at("factor"), to.segments);
            });
        add({"exponential",
             "Falls by a factor each epoch",
             {realParam("factor", 0.98, 0, 1, "rate of an epoch over that of the one before")},
             ""},
            [](const ParamValues& p, const Layout& to) -> Made {
                return std::make_unique<Exponential>(to.rate, p.at("factor"), to.span.stepsPerEpoch);
            });
        add({"polynomial",
             "Falls to the end rate along a power, anew from each milestone",
             {realParam("power", 1, 0.01, 100, "exponent"), endFactorParam()},
             ""},
            [](const ParamValues& p, const Layout& to) -> Made {
                return std::make_unique<Polynomial>(to.rate, to.rate * p.at("end_factor"), p.at("power"),
                                                    to.segments);
            });
        add({"cosine",
             "Half a cosine to the end rate, anew from each milestone",
             {endFactorParam(),
              realParam("restart_factor", 1, 0, 1, "rate of a restart over that of the one before")},
             "Loshchilov and Hutter 2017 (SGDR), arXiv:1608.03983"},
            [](const ParamValues& p, const Layout& to) -> Made {
                return std::make_unique<CosineRestarts>(to.rate, to.rate * p.at("end_factor"),
                                                        p.at("restart_factor"), to.segments);
            });
        add({"one_cycle",
             "Rises and falls once, cosine on both sides",
             {realParam("rise_share", 0.3, 0, 1, "share of the steps that rise"),
              realParam("start_divisor", 25, 1, 1e9, "highest rate over the first"),
              realParam("end_divisor", 1e4, 1, 1e12, "first rate over the last")},
             "Smith and Topin 2018, arXiv:1708.07120"},
            [](const ParamValues& p, const Layout& to) -> Made {
                return std::make_unique<OneCycle>(
                    to.rate, to.span.steps(),
                    OneCycle::Shape{p.at("rise_share"), p.at("start_divisor"), p.at("end_divisor")});
            });
        return all;
    }();
    return registry;
}

void checkMilestones(const ScheduleSpec& spec, const TrainingSpan& span) {
    double previous = 0;
    for (const double epoch : spec.milestones) {
        if (!(epoch > previous) || !(epoch < static_cast<double>(span.epochs))) {
            refuse("milestone " + std::to_string(epoch) + " is not behind " + std::to_string(previous) +
                   " and before the end, epoch " + std::to_string(span.epochs));
        }
        previous = epoch;
    }
}

void checkWarmUp(const ScheduleSpec& spec, const TrainingSpan& span) {
    if (!(spec.warmUpEpochs >= 0) || !(spec.warmUpEpochs < static_cast<double>(span.epochs))) {
        refuse("a warm-up of " + std::to_string(spec.warmUpEpochs) + " epochs does not fit into " +
               std::to_string(span.epochs));
    }
    if (!(spec.warmUpStart >= 0 && spec.warmUpStart <= 1)) {
        refuse("the warm-up must start at a share of the rate from 0 to 1");
    }
}

}  // namespace

std::vector<MethodInfo> scheduleMethods() {
    return outlines().list();
}

std::unique_ptr<LearningRateSchedule> makeSchedule(const ScheduleSpec& spec, double highestRate,
                                                   const TrainingSpan& span) {
    const std::unique_ptr<Outline> outline = outlines().create(spec.method);
    checkMilestones(spec, span);
    checkWarmUp(spec, span);
    auto schedule = outline->layOver({highestRate, Segments(spec.milestones, span), span});
    const double warmUpSteps = spec.warmUpEpochs * static_cast<double>(span.stepsPerEpoch);
    if (warmUpSteps < 1) {
        return schedule;
    }
    return std::make_unique<WarmUp>(std::move(schedule), spec.warmUpStart, warmUpSteps);
}

}  // namespace bitlathe::core
