"""OpenLineage events of one tenant's part of one run: START, then COMPLETE, FAIL or ABORT.

Belongs here: which facet says what. Does not belong here: what happened (`defs/lineage`), sending (`stores/lineage`).

A run of ours works on many tenants; each of them gets a run of its own here, whose parent is ours. Its id follows from
both, so that an event that is written twice is the same event. The library's classes carry the specification's
version of each facet; its client is not used, because that reads settings of its own from the environment and from
files.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from real_estate_assets.core.lineage.columns import InputColumn
from real_estate_assets.core.lineage.datasets import PLATFORM, FileDataset, tenant_namespace

if TYPE_CHECKING:
    from openlineage.client.generated.column_lineage_dataset import ColumnLineageDatasetFacet

PRODUCER = "urn:reos:lineage"
_RUNS = uuid.UUID("3b0c7e9a-5b1d-4f5e-8f8e-6f1c9c2d7a10")  # never to be changed: ids of events follow from it

State = Literal["START", "COMPLETE", "FAIL", "ABORT"]


@dataclass(frozen=True, slots=True)
class OutputAsset:
    """A dataset that the run made. columns: what each of its fields was made of."""

    name: str
    row_count: int | None
    columns: Mapping[str, tuple[InputColumn, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TenantRun:
    """One tenant's part of one run at one moment. tenant_id None: the public layers. error: why it failed.

    inputs: names of assets that were read, each with whether it is public.
    """

    run_id: str
    job_name: str
    tenant_id: str | None
    state: State
    at: dt.datetime
    engine_version: str
    inputs: Sequence[tuple[str, bool]] = ()
    files: Sequence[FileDataset] = ()
    outputs: Sequence[OutputAsset] = ()
    error: str | None = None


def event(run: TenantRun) -> dict[str, Any]:
    """The event as plain JSON. Raises ValueError where the run's id is no UUID."""
    from openlineage.client.event_v2 import InputDataset, Job, Run, RunEvent, RunState
    from openlineage.client.generated.job_type_job import JobTypeJobFacet
    from openlineage.client.serde import Serde

    namespace = tenant_namespace(run.tenant_id)
    job = JobTypeJobFacet(processingType="BATCH", integration="DAGSTER", jobType="JOB", producer=PRODUCER)
    inputs = [InputDataset(tenant_namespace(None) if is_public else namespace, name) for name, is_public in run.inputs]
    made = RunEvent(
        eventType=RunState[run.state],
        eventTime=run.at.astimezone(dt.UTC).isoformat(),
        producer=PRODUCER,
        run=Run(event_run_id(run.run_id, run.tenant_id), _run_facets(run)),
        job=Job(namespace, run.job_name, {"jobType": job}),
        inputs=[*inputs, *(_file(file) for file in run.files)],
        outputs=[_output(namespace, one) for one in run.outputs],
    )
    return Serde.to_dict(made)


def event_run_id(run_id: str, tenant_id: str | None) -> str:
    """The id of one tenant's part of a run: always the same, and not to be guessed back."""
    return str(uuid.uuid5(_RUNS, f"{run_id}/{tenant_id or ''}"))


def _run_facets(run: TenantRun) -> dict[str, Any]:
    from openlineage.client.generated import error_message_run, parent_run, processing_engine_run

    facets: dict[str, Any] = {
        "parent": parent_run.ParentRunFacet(
            run=parent_run.Run(str(uuid.UUID(run.run_id))),
            job=parent_run.Job(PLATFORM, run.job_name),
            producer=PRODUCER,
        ),
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
            version=run.engine_version, name="Dagster", producer=PRODUCER
        ),
    }
    if run.error is not None:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=run.error, programmingLanguage="python", producer=PRODUCER
        )
    return facets


def _file(file: FileDataset) -> Any:
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.generated import data_quality_metrics_input_dataset, dataset_version_dataset
    from openlineage.client.generated.datasource_dataset import DatasourceDatasetFacet

    facets = {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(file.sha256, producer=PRODUCER),
        "dataSource": DatasourceDatasetFacet(name=file.source_name, uri=file.address, producer=PRODUCER),
    }
    counted = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
        columnMetrics={}, rowCount=file.record_count, bytes=file.byte_count, producer=PRODUCER
    )
    return InputDataset(file.namespace, file.name, facets=facets, inputFacets={"dataQualityMetrics": counted})


def _output(namespace: str, one: OutputAsset) -> Any:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.generated.data_quality_metrics_dataset import DataQualityMetricsDatasetFacet
    from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet

    facets: dict[str, Any] = {}
    counted: dict[str, Any] = {}
    if one.columns:
        facets["columnLineage"] = _column_lineage(one.columns)
    if one.row_count is not None:
        facets["dataQualityMetrics"] = DataQualityMetricsDatasetFacet({}, rowCount=one.row_count, producer=PRODUCER)
        counted["outputStatistics"] = OutputStatisticsOutputDatasetFacet(rowCount=one.row_count, producer=PRODUCER)
    return OutputDataset(namespace, one.name, facets=facets, outputFacets=counted)


def _column_lineage(columns: Mapping[str, tuple[InputColumn, ...]]) -> ColumnLineageDatasetFacet:
    from openlineage.client.generated import column_lineage_dataset as facet

    def said(one: InputColumn) -> facet.InputField:
        how = facet.Transformation(type="DIRECT", subtype=one.subtype, description=one.method, masking=False)
        return facet.InputField(one.namespace, one.dataset, one.column, [how])

    fields = {name: facet.Fields([said(one) for one in inputs]) for name, inputs in columns.items()}
    return facet.ColumnLineageDatasetFacet(fields, producer=PRODUCER)
