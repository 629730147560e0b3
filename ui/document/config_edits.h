#pragma once

#include "ui/document/quant_document.h"

#include <QString>

#include <functional>
#include <optional>
#include <vector>

namespace bitlathe::ui {

/// What a site may become; returns false to leave it alone.
using SiteEdit = std::function<bool(core::SiteQuant& quant, const core::Layer* layer)>;

/// Applies `edit` to one site of each layer and pushes the result as one command. Layers that cannot take it
/// (no weights, not quantizable) are left out. Each new choice is validated before the push, so commands
/// cannot fail. returns  empty, or why nothing was changed (names the layer)
QString editSites(QuantDocument& document, const std::vector<core::LayerId>& layers, core::SiteKind kind,
                  const QString& text, const SiteEdit& edit, quint64 gesture = 0);

/// bits  empty: float
QString setBits(QuantDocument& document, const std::vector<core::LayerId>& layers, core::SiteKind kind,
                std::optional<int> bits);
QString setQuantizer(QuantDocument& document, const std::vector<core::LayerId>& layers, core::SiteKind kind,
                     const core::MethodSpec& quantizer, std::optional<core::Granularity> granularity = {});
/// Choosing an observer gives up a manual range.
QString setObserver(QuantDocument& document, const std::vector<core::LayerId>& layers, core::SiteKind kind,
                    const core::MethodSpec& observer, quint64 gesture = 0);
/// range  empty: back to the observer. Setting one makes the site per tensor.
QString setManualRange(QuantDocument& document, const core::SiteId& site, std::optional<core::Range> range,
                       quint64 gesture = 0);

/// What becomes of the batch norm of those layers that have one.
QString setBatchNormMode(QuantDocument& document, const std::vector<core::LayerId>& layers,
                         core::BatchNormMode mode);
/// When the ranges of outputs are taken. From each batch there is no range to set by hand: a manual one is given up.
QString setRangeTime(QuantDocument& document, const std::vector<core::LayerId>& layers, core::RangeTime time);
/// What the zeros around a convolution's input become.
QString setPaddingOrder(QuantDocument& document, const std::vector<core::LayerId>& layers,
                        core::PaddingOrder order);
/// Whether the configuration's post-training methods change these layers.
QString setTakesPostTraining(QuantDocument& document, const std::vector<core::LayerId>& layers, bool isTaken);
/// Replaces the active configuration's post-training methods. Refused: unknown method or parameter, an order that
/// cannot work.
QString setPostTraining(QuantDocument& document, std::vector<core::MethodSpec> methods, const QString& text,
                        quint64 gesture = 0);

/// Whether zeros may be put around the layer's input: padding is a convolution's.
bool canPad(const core::Layer& layer);
/// Whether the layer has this site at all and may be quantized there.
bool canQuantize(const QuantDocument& document, const core::LayerId& layer, core::SiteKind kind);

}  // namespace bitlathe::ui
