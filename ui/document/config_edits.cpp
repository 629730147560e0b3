#include "ui/document/config_edits.h"

#include "core/observers/observer.h"
#include "core/ptq/post_training.h"
#include "core/quantizers/quantizer.h"
#include "core/registry/registry.h"
#include "core/types/error.h"
#include "ui/commands/set_layer_config_command.h"
#include "ui/commands/set_post_training_command.h"
#include "ui/document/layer_title.h"

#include <QCoreApplication>

namespace bitlathe::ui {

namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("ConfigEdits", text);
}

/// Throws what the registries and the quantizer say against the choice.
void validate(const core::SiteQuant& quant) {
    const auto quantizer = core::quantizerRegistry().create(quant.quantizer);
    core::observerRegistry().create(quant.observer);
    if (quant.bits) {
        quantizer->qparams(quant.manualRange.value_or(core::Range{-1.0, 1.0}), *quant.bits);
    }
}

QString layersText(const std::vector<LayerChange>& changes) {
    return changes.size() == 1 ? layerTitle(changes.front().layer)
                               : tr("%1 layers").arg(static_cast<qulonglong>(changes.size()));
}

}  // namespace

bool canPad(const core::Layer& layer) {
    return layer.kind == core::LayerKind::Conv || layer.kind == core::LayerKind::DepthwiseConv;
}

bool canQuantize(const QuantDocument& document, const core::LayerId& id, core::SiteKind kind) {
    if (id == core::kInputLayer) {
        return document.hasModel() && kind == core::SiteKind::Output;
    }
    const core::Layer* const layer = document.layer(id);
    return layer != nullptr && layer->isQuantizable &&
           (kind == core::SiteKind::Output || layer->hasWeights());
}

QString editSites(QuantDocument& document, const std::vector<core::LayerId>& layers, core::SiteKind kind,
                  const QString& text, const SiteEdit& edit, quint64 gesture) {
    std::vector<LayerChange> changes;
    for (const core::LayerId& id : layers) {
        if (!canQuantize(document, id, kind)) {
            continue;
        }
        LayerChange change{id, document.layerConfig(id)};
        const core::LayerQuant before = change.quant;
        core::SiteQuant& site = kind == core::SiteKind::Weight ? change.quant.weight : change.quant.output;
        if (!edit(site, document.layer(id)) || change.quant == before) {
            continue;
        }
        try {
            validate(site);
        } catch (const core::Error& error) {
            return tr("%1: %2").arg(layerTitle(id), QString::fromUtf8(error.what()));
        }
        changes.push_back(std::move(change));
    }
    if (changes.empty()) {
        return {};  // nothing to do: pushing would only cost the redo history
    }
    const QString label = tr("%1, %2").arg(text, layersText(changes));
    document.undoStack()->push(new SetLayerConfigCommand(document, std::move(changes), label, gesture));
    return {};
}

namespace {

/// Pushes what `edit` makes of those layers it takes, as one command. It returns false to leave a layer alone.
QString editLayers(QuantDocument& document, const std::vector<core::LayerId>& layers, const QString& text,
                   const std::function<bool(core::LayerQuant& quant, const core::Layer& layer)>& edit) {
    std::vector<LayerChange> changes;
    for (const core::LayerId& id : layers) {
        const core::Layer* const layer = document.layer(id);
        LayerChange change{id, document.layerConfig(id)};
        if (layer != nullptr && edit(change.quant, *layer) && change.quant != document.layerConfig(id)) {
            changes.push_back(std::move(change));
        }
    }
    if (!changes.empty()) {
        const QString label = tr("%1, %2").arg(text, layersText(changes));
        document.undoStack()->push(new SetLayerConfigCommand(document, std::move(changes), label));
    }
    return {};
}

}  // namespace

QString setBatchNormMode(QuantDocument& document, const std::vector<core::LayerId>& layers,
                         core::BatchNormMode mode) {
    if (mode != core::BatchNormMode::Folded && document.model() && !document.model()->imported) {
        return tr("This model came with its batch norms folded in: nothing is left to keep apart.");
    }
    return editLayers(document, layers, tr("batch norm"),
                      [mode](core::LayerQuant& quant, const core::Layer& layer) {
                          quant.batchNorm = mode;
                          return layer.hasBatchNorm;
                      });
}

QString setRangeTime(QuantDocument& document, const std::vector<core::LayerId>& layers,
                     core::RangeTime time) {
    return editSites(document, layers, core::SiteKind::Output, tr("when ranges are taken"),
                     [time](core::SiteQuant& quant, const core::Layer*) {
                         quant.ranges = time;
                         if (time == core::RangeTime::Online) {
                             quant.manualRange.reset();
                         }
                         return true;
                     });
}

QString setPaddingOrder(QuantDocument& document, const std::vector<core::LayerId>& layers,
                        core::PaddingOrder order) {
    return editLayers(document, layers, tr("padding"),
                      [order](core::LayerQuant& quant, const core::Layer& layer) {
                          quant.padding = order;
                          return canPad(layer);
                      });
}

QString setTakesPostTraining(QuantDocument& document, const std::vector<core::LayerId>& layers,
                             bool isTaken) {
    return editLayers(document, layers, tr("post-training of layers"),
                      [isTaken](core::LayerQuant& quant, const core::Layer& layer) {
                          quant.takesPostTraining = isTaken;
                          return layer.hasWeights();
                      });
}

QString setPostTraining(QuantDocument& document, std::vector<core::MethodSpec> methods, const QString& text,
                        quint64 gesture) {
    try {
        core::checkPostTraining(methods);
    } catch (const core::Error& error) {
        return QString::fromUtf8(error.what());
    }
    document.undoStack()->push(new SetPostTrainingCommand(document, std::move(methods), text, gesture));
    return {};
}

QString setBits(QuantDocument& document, const std::vector<core::LayerId>& layers, core::SiteKind kind,
                std::optional<int> bits) {
    const QString text = kind == core::SiteKind::Weight
                             ? (bits ? tr("weights %1 bit").arg(*bits) : tr("weights float"))
                             : (bits ? tr("activations %1 bit").arg(*bits) : tr("activations float"));
    return editSites(document, layers, kind, text, [&](core::SiteQuant& quant, const core::Layer*) {
        quant.bits = bits ? std::optional<core::BitWidth>(core::BitWidth(*bits)) : std::nullopt;
        return true;
    });
}

QString setQuantizer(QuantDocument& document, const std::vector<core::LayerId>& layers, core::SiteKind kind,
                     const core::MethodSpec& quantizer, std::optional<core::Granularity> granularity) {
    return editSites(document, layers, kind, tr("scheme"), [&](core::SiteQuant& quant, const core::Layer*) {
        quant.quantizer = quantizer;
        if (granularity) {
            quant.granularity = *granularity;
            if (granularity->kind != core::Granularity::Kind::Tensor) {
                quant.manualRange.reset();  // one range cannot serve many scales
            }
        }
        return true;
    });
}

QString setObserver(QuantDocument& document, const std::vector<core::LayerId>& layers, core::SiteKind kind,
                    const core::MethodSpec& observer, quint64 gesture) {
    return editSites(
        document, layers, kind, tr("range method"),
        [&](core::SiteQuant& quant, const core::Layer*) {
            quant.observer = observer;
            quant.manualRange.reset();
            return true;
        },
        gesture);
}

QString setManualRange(QuantDocument& document, const core::SiteId& site, std::optional<core::Range> range,
                       quint64 gesture) {
    return editSites(
        document, {site.layer}, site.kind, range ? tr("clip") : tr("clip from the range method"),
        [&](core::SiteQuant& quant, const core::Layer*) {
            quant.manualRange = range;
            if (range) {
                quant.granularity = {};
            }
            return true;
        },
        gesture);
}

}  // namespace bitlathe::ui
