#pragma once

#include "core/types/metric.h"
#include "experiments/records/run_record.h"
#include "ui/models/status_icon.h"

#include <QString>
#include <QStringList>

#include <vector>

namespace bitlathe::ui {

// How figures of runs and jobs are written. An empty text stands for "not known".

/// The run's metric of that name; null when it has none.
const core::Metric* findMetric(const experiments::RunRecord& run, const char* name);

/// "91.18 % ± 0.56 (n 10,000)": half the width of the 95 % interval, and the number of samples.
enum class SampleCount { Shown, Hidden };
QString accuracyText(const core::Metric* top1, SampleCount samples = SampleCount::Shown);
/// "95 % interval 90.61 … 91.72 %, from 10,000 images".
QString accuracyDetail(const core::Metric* top1);
/// "4.75": two decimals, none for whole numbers.
QString bitsText(const core::Metric* bits);
/// "12.4 s", "2:41", "1:02:41".
QString durationText(double milliseconds);
/// "0:12", "2:41", "1:02:41": for times that run.
QString clockText(qint64 milliseconds);
/// "2:41 left"; seconds below ten are not counted down: "< 10 s left".
QString remainingText(qint64 milliseconds);
/// Local date and time of an ISO 8601 UTC text: "2026-11-21 12:03:09".
QString startedText(const std::string& isoUtc);

QString statusText(experiments::RunStatus status);
StatusGlyph statusGlyph(experiments::RunStatus status);
/// What the status means where the word alone does not say it; the error text of a failed run.
QString statusDetail(const experiments::RunRecord& run);

/// "1 run", "12,345 runs".
QString runCountText(qint64 count);

enum class TextTable { TabSeparated, CommaSeparated };
/// Rows of cells with a header line. Comma-separated cells are quoted as RFC 4180 asks; tabs and line breaks
/// in tab-separated cells become spaces.
QString tableText(const QStringList& header, const std::vector<QStringList>& rows, TextTable format);

/// Replaces `path` as a whole, UTF-8. False: `reason` says what, where and what to do, and the old file is
/// untouched.
bool writeTextFile(const QString& path, const QString& text, QString& reason);

}  // namespace bitlathe::ui
