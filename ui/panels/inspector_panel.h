#pragma once

#include <QWidget>

class QStackedWidget;
class QTabBar;

namespace bitlathe::ui {

class ChannelsPage;
class ErrorPage;
class SitePage;
class Workbench;

/// What is known of the current layer: weights, output, channels, error.
class InspectorPanel final : public QWidget {
    Q_OBJECT

public:
    enum Tab { Weight, Output, Channels, Error };

    explicit InspectorPanel(Workbench& workbench, QWidget* parent = nullptr);

    SitePage* weightPage() const noexcept { return m_weight; }
    SitePage* outputPage() const noexcept { return m_output; }
    void setTab(Tab tab);
    /// "block 6 · pointwise · output"
    QString summary() const;

Q_SIGNALS:
    void summaryChanged();
    void editRefused(const QString& reason);

private:
    Workbench& m_workbench;
    QTabBar* m_tabs = nullptr;
    QStackedWidget* m_pages = nullptr;
    SitePage* m_weight = nullptr;
    SitePage* m_output = nullptr;
};

}  // namespace bitlathe::ui
