#pragma once

/// Names of what a run writes into the log: the writer (runRecipe) and the readers (tables, comparison,
/// command line) agree on them here.
namespace bitlathe::experiments::metric {

// Of a run (core::Metric::name).
inline constexpr const char* kTop1 = "top1";                                ///< %, with samples and interval
inline constexpr const char* kLoss = "loss";                                ///< nats
inline constexpr const char* kRomBytes = "rom_bytes";                       ///< B
inline constexpr const char* kRamBytes = "ram_bytes";                       ///< B, at the peak
inline constexpr const char* kMeanWeightBits = "mean_weight_bits";          ///< bit, weighted by parameters
inline constexpr const char* kMeanActivationBits = "mean_activation_bits";  ///< bit, weighted by elements
inline constexpr const char* kFitsDevice = "fits_device";             ///< 1 or 0; absent without a device
inline constexpr const char* kImagesPerSecond = "images_per_second";  ///< images/s

// Of a run whose bits a search chose: its estimate, and what the same images say when measured.
inline constexpr const char* kEstimatedTop1 = "estimated_top1";  ///< %, float less the sum of single losses
inline constexpr const char* kEstimatedLoss = "estimated_loss";  ///< nats
inline constexpr const char* kSearchTop1 = "search_top1";        ///< %, measured on the search's images
inline constexpr const char* kSearchLoss = "search_loss";        ///< nats
inline constexpr const char* kEstimateErrorTop1 = "estimate_error_top1";  ///< %, estimated less measured
inline constexpr const char* kEstimateErrorLoss = "estimate_error_loss";  ///< nats
inline constexpr const char* kSearchCost = "search_cost";                 ///< what the search minimised
inline constexpr const char* kBitOperations = "bit_operations";           ///< MACs x weight bits x input bits

// Of the integer model, beside the fake-quantized one's above.
inline constexpr const char* kFloatTop1 = "float_top1";      ///< %, of the model before quantization
inline constexpr const char* kIntegerTop1 = "integer_top1";  ///< %
inline constexpr const char* kIntegerLoss = "integer_loss";  ///< nats
inline constexpr const char* kIntegerImagesPerSecond = "integer_images_per_second";
inline constexpr const char* kCodesCompared =
    "integer_codes_compared";  ///< with the fake-quantized model's, all layers
inline constexpr const char* kCodesDiffering = "integer_codes_differing";
/// Of the differing codes those that float32 rounding does not explain.
inline constexpr const char* kCodesUnexplained = "integer_codes_unexplained";

// Of a training, also by epoch (MetricStep::name), beside kTop1 and kLoss on the test data. Where images are held out,
// the test data has no figure by epoch.
inline constexpr const char* kValidationTop1 = "validation_top1";  ///< %, on the held-out training images
inline constexpr const char* kValidationLoss = "validation_loss";  ///< nats, likewise
inline constexpr const char* kChosenByTest =
    "epoch_chosen_by_test";  ///< 1: the best epoch was found on the test data; absent otherwise
inline constexpr const char* kResumedRun =
    "resumed_run";  ///< id of the run that a resumed training goes on with
inline constexpr const char* kResumedStep =
    "resumed_step";  ///< steps it had not to take again; 0: from the beginning
inline constexpr const char* kTrainLoss = "train_loss";  ///< nats, mean over the epoch
inline constexpr const char* kLearningRate = "learning_rate";
inline constexpr const char* kTrainImagesPerSecond = "train_images_per_second";  ///< images/s
inline constexpr const char* kPeakMemoryBytes = "peak_memory_bytes";             ///< B, of the process
inline constexpr const char* kTop1BeforeTraining =
    "top1_before_training";  ///< %, calibrated, not yet trained

// Of a layer or site (LayerStatistic::name).
inline constexpr const char* kBits = "bits";               ///< absent for float
inline constexpr const char* kRangeLower = "range_lower";  ///< representable range, tensor units
inline constexpr const char* kRangeUpper = "range_upper";
inline constexpr const char* kSqnrDb = "sqnr_db";  ///< of the site against its float values
inline constexpr const char* kEntropyBits =
    "entropy_bits";  ///< Shannon, bit a value; of a run behind weight_, activation_
inline constexpr const char* kHuffmanBits =
    "huffman_bits";  ///< average code length, bit a value; of a run likewise
inline constexpr const char* kPlainBytes =
    "plain_bytes";  ///< B; activations: of one image; of a run likewise
inline constexpr const char* kCompressedBytes =
    "compressed_bytes";  ///< B, Huffman-coded with its table; of a run likewise
inline constexpr const char* kIsolatedSqnrDb = "isolated_sqnr_db";
/// Codes of the layer's output, integer against fake-quantized; also kCodesCompared, kCodesDiffering and
/// kCodesUnexplained (each layer on the fake-quantized model's codes), and the differences of the whole models:
inline constexpr const char* kCodesAccumulated = "integer_codes_accumulated";
inline constexpr const char* kLargestCodeDifference = "integer_largest_difference";  ///< codes
inline constexpr const char* kRoundingMargin =
    "integer_rounding_margin";  ///< output steps, see core::LayerAgreement
inline constexpr const char* kRoundingBound = "integer_rounding_bound";  ///< output steps
inline constexpr const char* kIsExact = "integer_is_exact";              ///< 1: nothing to round
inline constexpr const char* kAccumulatedSqnrDb = "accumulated_sqnr_db";

}  // namespace bitlathe::experiments::metric
