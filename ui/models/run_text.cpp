#include "ui/models/run_text.h"

#include "ui/document/layer_title.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QSaveFile>
#include <QTimeZone>

#include <algorithm>
#include <cmath>

namespace bitlathe::ui {

namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("RunText", text);
}

QString percent(double value) {
    return QString::number(value, 'f', 2);
}

QString cellText(QString cell, TextTable format) {
    if (format == TextTable::TabSeparated) {
        return cell.replace(QLatin1Char('\t'), QLatin1Char(' ')).replace(QLatin1Char('\n'), QLatin1Char(' '));
    }
    static const QString kSpecial = QStringLiteral(",\"\r\n");
    const bool needsQuotes =
        std::any_of(cell.cbegin(), cell.cend(), [](QChar c) { return kSpecial.contains(c); });
    if (!needsQuotes) {
        return cell;
    }
    return QLatin1Char('"') + cell.replace(QLatin1Char('"'), QStringLiteral("\"\"")) + QLatin1Char('"');
}

QString lineText(const QStringList& cells, TextTable format) {
    QStringList written;
    for (const QString& cell : cells) {
        written.append(cellText(cell, format));
    }
    // RFC 4180 ends lines with CR LF.
    return format == TextTable::TabSeparated ? written.join(QLatin1Char('\t')) + QLatin1Char('\n')
                                             : written.join(QLatin1Char(',')) + QStringLiteral("\r\n");
}

}  // namespace

const core::Metric* findMetric(const experiments::RunRecord& run, const char* name) {
    const auto found = run.metrics.find(name);
    return found == run.metrics.end() ? nullptr : &found->second;
}

QString accuracyText(const core::Metric* top1, SampleCount samples) {
    if (top1 == nullptr) {
        return {};
    }
    QString text = percent(top1->value) + QStringLiteral(" %");
    if (top1->lower95 && top1->upper95) {
        text += QStringLiteral(" ± ") + percent((*top1->upper95 - *top1->lower95) / 2);
    }
    if (samples == SampleCount::Shown && top1->samples > 0) {
        text += tr(" (n %1)").arg(groupedNumber(top1->samples));
    }
    return text;
}

QString accuracyDetail(const core::Metric* top1) {
    if (top1 == nullptr) {
        return {};
    }
    if (!top1->lower95 || !top1->upper95) {
        return tr("No interval was stored with this figure");
    }
    return tr("95 % interval %1 … %2 %, from %3 images")
        .arg(percent(*top1->lower95), percent(*top1->upper95), groupedNumber(top1->samples));
}

QString bitsText(const core::Metric* bits) {
    if (bits == nullptr) {
        return {};
    }
    const bool isWhole = std::abs(bits->value - std::round(bits->value)) < 0.005;
    return QString::number(bits->value, 'f', isWhole ? 0 : 2);
}

QString durationText(double milliseconds) {
    if (milliseconds < 1000) {
        return tr("%1 ms").arg(std::llround(milliseconds));
    }
    if (milliseconds < 59'950) {
        return tr("%1 s").arg(milliseconds / 1000, 0, 'f', 1);
    }
    return clockText(std::llround(milliseconds));
}

QString clockText(qint64 milliseconds) {
    const qint64 seconds = (milliseconds + 500) / 1000;
    const QString minutesAndSeconds =
        QStringLiteral("%1:%2").arg(seconds / 60 % 60).arg(seconds % 60, 2, 10, QLatin1Char('0'));
    return seconds < 3600 ? minutesAndSeconds
                          : QStringLiteral("%1:%2")
                                .arg(seconds / 3600)
                                .arg(minutesAndSeconds.rightJustified(5, QLatin1Char('0')));
}

QString remainingText(qint64 milliseconds) {
    if (milliseconds < 10'000) {
        return tr("< 10 s left");
    }
    return tr("%1 left").arg(clockText(milliseconds));
}

QString startedText(const std::string& isoUtc) {
    QDateTime time = QDateTime::fromString(QString::fromStdString(isoUtc), Qt::ISODateWithMs);
    if (!time.isValid()) {
        return {};
    }
    time.setTimeZone(QTimeZone::utc());
    return time.toLocalTime().toString(QStringLiteral("yyyy-MM-dd HH:mm:ss"));
}

QString statusText(experiments::RunStatus status) {
    switch (status) {
    case experiments::RunStatus::Running:
        return tr("running");
    case experiments::RunStatus::Succeeded:
        return tr("done");
    case experiments::RunStatus::Failed:
        return tr("failed");
    case experiments::RunStatus::Cancelled:
        return tr("cancelled");
    case experiments::RunStatus::Interrupted:
        return tr("interrupted");
    }
    return {};
}

StatusGlyph statusGlyph(experiments::RunStatus status) {
    switch (status) {
    case experiments::RunStatus::Running:
        return StatusGlyph::Running;
    case experiments::RunStatus::Succeeded:
        return StatusGlyph::Succeeded;
    case experiments::RunStatus::Failed:
        return StatusGlyph::Failed;
    case experiments::RunStatus::Cancelled:
        return StatusGlyph::Cancelled;
    case experiments::RunStatus::Interrupted:
        return StatusGlyph::Interrupted;
    }
    return StatusGlyph::Failed;
}

QString statusDetail(const experiments::RunRecord& run) {
    switch (run.status) {
    case experiments::RunStatus::Failed:
        return QString::fromStdString(run.error);
    case experiments::RunStatus::Cancelled:
        return tr("Stopped on request; what was measured until then is kept.");
    case experiments::RunStatus::Interrupted:
        return tr("The program ended during this run, so its results are incomplete. “Rerun” repeats it.");
    default:
        return {};
    }
}

QString runCountText(qint64 count) {
    return count == 1 ? tr("1 run") : tr("%1 runs").arg(groupedNumber(count));
}

QString tableText(const QStringList& header, const std::vector<QStringList>& rows, TextTable format) {
    QString text = lineText(header, format);
    for (const QStringList& row : rows) {
        text += lineText(row, format);
    }
    return text;
}

bool writeTextFile(const QString& path, const QString& text, QString& reason) {
    QSaveFile file(path);
    if (file.open(QIODevice::WriteOnly) && file.write(text.toUtf8()) >= 0 && file.commit()) {
        return true;
    }
    reason = tr("“%1” could not be written: %2. Choose another folder or free some space.")
                 .arg(path, file.errorString());
    return false;
}

}  // namespace bitlathe::ui
