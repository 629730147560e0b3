#include "core/train/parameter_rules.h"

#include "core/util/glob.h"

#include <algorithm>

namespace bitlathe::core {

namespace {

bool matches(const ParameterRule& rule, const std::string& name, ParameterKind kind, std::int64_t elements) {
    const bool isNamed = rule.name.empty() || matchesGlob(name, rule.name);
    const bool isOfKind =
        rule.kinds.empty() || std::find(rule.kinds.begin(), rule.kinds.end(), kind) != rule.kinds.end();
    return isNamed && isOfKind && (rule.maxElements == 0 || elements <= rule.maxElements);
}

bool isWeight(ParameterKind kind) {
    return kind == ParameterKind::Conv || kind == ParameterKind::DepthwiseConv ||
           kind == ParameterKind::Linear;
}

}  // namespace

ParameterSettings parameterSettings(const TrainOptions& options, const std::string& name, ParameterKind kind,
                                    std::int64_t elements) {
    return parameterSettings(options, name, kind, elements, isWeight(kind) ? options.weightDecay : 0.0);
}

ParameterSettings parameterSettings(const TrainOptions& options, const std::string& name, ParameterKind kind,
                                    std::int64_t elements, double ownDecay) {
    ParameterSettings settings{1, ownDecay};
    for (const ParameterRule& rule : options.rules) {
        if (matches(rule, name, kind, elements)) {
            settings.learningRateFactor = rule.learningRateFactor.value_or(settings.learningRateFactor);
            settings.weightDecay = rule.weightDecay.value_or(settings.weightDecay);
        }
    }
    return settings;
}

}  // namespace bitlathe::core
