# Panels about jobs and runs, and their models.
target_sources(bitlathe_ui PRIVATE
  models/compare_model.cpp
  models/compare_rows.cpp
  models/job_queue_model.cpp
  models/log_filter_model.cpp
  models/log_model.cpp
  models/log_sink.cpp
  models/run_table_model.cpp
  models/run_text.cpp
  models/status_icon.cpp
  panels/compare_panel.cpp
  panels/jobs_panel.cpp
  panels/log_panel.cpp
  panels/panel_parts.cpp
  panels/runs_panel.cpp)
