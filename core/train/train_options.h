#pragma once

#include "core/data/batches.h"
#include "core/registry/registry.h"
#include "core/types/param_values.h"
#include "core/types/seed.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitlathe::core {

/// What a trained tensor is; what rules match by.
enum class ParameterKind {
    Conv,           ///< weights of a convolution that mixes channels
    DepthwiseConv,  ///< weights of a convolution with one input channel a group
    Linear,
    Bias,
    BatchNorm,  ///< gamma and beta
    Range,      ///< learned parameters of a quantizer: steps, clips, offsets, basis numbers
};

/// Changes learning rate and weight decay of the parameters that meet every condition. Rules apply in order,
/// later ones win.
struct ParameterRule {
    std::string name;                          ///< "stem.conv.weight"; * and ? are wild; empty: any
    std::vector<ParameterKind> kinds;          ///< empty: any
    std::int64_t maxElements = 0;              ///< only tensors of so many numbers or fewer; 0: any size
    std::optional<double> learningRateFactor;  ///< times the schedule's rate
    std::optional<double> weightDecay;
    bool operator==(const ParameterRule&) const = default;
};

/// How the learning rate runs: a name of scheduleMethods() with its parameters, behind an optional warm-up.
struct ScheduleSpec {
    MethodSpec method{"one_cycle", {}};
    /// Epochs at which multistep falls, polynomial and cosine start anew; ascending.
    std::vector<double> milestones;
    double warmUpEpochs = 0;       ///< linear rise in front of the schedule
    double warmUpStart = 1.0 / 3;  ///< share of the rate it rises from
    bool operator==(const ScheduleSpec&) const = default;
};

/// Learning from the float model beside the labels (README eq. 79).
struct Distillation {
    double weight = 0;       ///< share of the teacher's term in the loss; 0: labels alone
    double temperature = 4;  ///< softens both distributions
    bool operator==(const Distillation&) const = default;
};

enum class Precision {
    Float32,
    BFloat16,  ///< convolutions and linears in bfloat16 (autocast); parameters and quantizers stay float32
};

/// What the training does with the batch norm of layers whose BatchNormMode is Folded or FakeBn; the others
/// (NotFolded, Icn) train it as it stands, with unfolded weights on the grid.
enum class BatchNormTraining {
    /// W' = W gamma / sqrt(running variance + eps) is quantized in every step, statistics run on (TI, README
    /// eq. 82). Gradients pass the batch's own normalisation.
    RunningMerge,
    /// Unfolded weights and a live batch norm until `foldDelayEpochs`, then batch norm is frozen and folded
    /// into the weights (Rusci et al., README eq. 83).
    DelayedFold,
    /// W' = W gamma / sqrt(batch variance + eps), the statistics of a first convolution (1712.05877 section
    /// 3.2, README eq. 84).
    BatchFold,
    /// As RunningMerge the weights are quantized, but what the one convolution gives is divided by the same factor
    /// again and then normalised with the batch's statistics (Krishnamoorthi 2018, arXiv:1806.08342, section 3.2.2;
    /// torch.ao's ConvBn2d; README eq. 86). Values are those of the float layer but for the weights' rounding.
    ScaledWeights,
};

/// Quantization's part of a training.
struct QatOptions {
    BatchNormTraining batchNorm = BatchNormTraining::ScaledWeights;
    double foldDelayEpochs = 1;                    ///< DelayedFold alone
    std::optional<double> freezeBatchNormAtEpoch;  ///< running statistics stay, and are used, from here on
    std::optional<double> freezeRangesAtEpoch;     ///< observed and learned ranges stay from here on
    double quantizeActivationsFromEpoch = 0;       ///< float outputs before (1712.05877 section 3.1)
    bool operator==(const QatOptions&) const = default;
};

/// Which weights a training hands back.
enum class KeptWeights {
    Last,  ///< those of the last epoch
    Best,  ///< those of the epoch with the most correct held-out images, the first of equals
};

/// Everything about a training but its model, its data and its grids. Validated by validateTrainOptions.
struct TrainOptions {
    std::int64_t epochs = 6;
    std::int64_t batchSize = 128;
    double learningRate = 0.2;        ///< highest rate of the schedule
    MethodSpec optimizer{"sgd", {}};  ///< name in optimizerMethods()
    ScheduleSpec schedule;
    double weightDecay = 1e-4;  ///< of the weights of convolutions and linears; rules give others theirs
    std::vector<ParameterRule> rules;
    double labelSmoothing = 0;
    Distillation distillation;
    Augmentation augmentation;
    double clipGradientNorm = 0;  ///< largest norm of all gradients together; 0: none
    Precision precision = Precision::Float32;
    std::string device = "cpu";  ///< "cpu" or "cuda"
    KeptWeights keep = KeptWeights::Last;
    /// Training images that are not learned from but tell after each epoch how good it is; see heldOutSamples.
    std::optional<std::int64_t> validationSamples;
    double checkpointMinutes = 10;  ///< between checkpoints inside an epoch; 0: at epochs alone
    Seed seed;
};

/// The optimizers with their parameters ("sgd", "adam", "adamw").
const std::vector<MethodInfo>& optimizerMethods();
/// One of them with all parameters. Errors  InvalidConfig: unknown name (lists the known) or parameter.
ParamValues optimizerParams(const MethodSpec& optimizer);

/// Words as recipes spell them, in the order of the enumerators.
const std::vector<std::string>& parameterKindNames();      ///< "depthwise_conv"
const std::vector<std::string>& batchNormTrainingNames();  ///< "running_merge"

/// Errors  InvalidConfig naming the option, its value and what it may be.
void validateTrainOptions(const TrainOptions& options);

/// How many of `available` training images are held out: validationSamples where it is given, otherwise a tenth
/// (rounded down, at least 1) when the best epoch is kept and none when the last one is. Epochs are then compared
/// on the held-out images, and the test images are read once, at the end, for a figure no choice was made by.
/// 0: nothing is held out; every image is learned from, epochs are measured on the test images, and where the best
/// of them is kept its figure is optimistic.
/// Errors  InvalidConfig: fewer than 0, or no image left to learn from.
std::int64_t heldOutSamples(const TrainOptions& options, std::int64_t available);

/// What TI's guideline says against these options, one sentence each: every parameter should decay, biases,
/// batch norm and depthwise weights included, by about 1e-4. Empty when they follow it. Source
/// edgeai-torchvision xnn, quantization-aware training document.
std::vector<std::string> decayGuidelineFindings(const TrainOptions& options);

}  // namespace bitlathe::core
