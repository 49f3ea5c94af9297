-- name: enqueue
-- One job more, in the caller's transaction; `delay_s` counts on the raw database clock.
SELECT job.id
FROM
    unnest(
        public.procrastinate_defer_jobs_v1(
            ARRAY[
                row(
                    %(queue)s,
                    %(name)s,
                    %(priority)s,
                    NULL,
                    NULL,
                    %(arguments)s::jsonb,
                    CASE
                        WHEN %(delay_s)s > 0
                            THEN clock_timestamp() + make_interval(secs => %(delay_s)s)
                    END
                )::public.procrastinate_job_to_defer_v1
            ]
        )
    ) AS job (id);

-- name: run_again
-- A run ended without success: give the job back for a later one. A run that was taken over finds
-- other attempts than its own and moves nothing. Who asked to abort a job gets it failed.
UPDATE public.procrastinate_jobs AS job
SET
    status = CASE
        WHEN job.abort_requested THEN 'failed'::public.procrastinate_job_status
        ELSE 'todo'::public.procrastinate_job_status
    END,
    abort_requested = FALSE,
    attempts = job.attempts + 1,
    scheduled_at = clock_timestamp() + make_interval(secs => %(delay_s)s),
    worker_id = NULL
WHERE
    job.id = %(job_id)s
    AND job.status = 'doing'
    AND job.attempts = %(attempts)s
RETURNING job.id;

-- name: finish
-- A run was the last one. A run that was taken over finds other attempts and moves nothing.
UPDATE public.procrastinate_jobs AS job
SET
    status = %(status)s::public.procrastinate_job_status,
    abort_requested = FALSE,
    attempts = job.attempts + 1,
    worker_id = NULL
WHERE
    job.id = %(job_id)s
    AND job.status = 'doing'
    AND job.attempts = %(attempts)s
RETURNING job.id;

-- name: let_go
-- Jobs that this worker claimed without learning of it: the answer was lost, nothing ran.
UPDATE public.procrastinate_jobs AS job
SET
    status = 'todo',
    worker_id = NULL
WHERE
    job.worker_id = %(worker_id)s
    AND job.status = 'doing'
    AND job.id != all(%(known)s::bigint[])
RETURNING job.id;

-- name: beat
-- A worker reports; no row comes back where its own was pruned.
UPDATE public.procrastinate_workers AS worker
SET last_heartbeat = clock_timestamp()
WHERE worker.id = %(worker_id)s
RETURNING worker.id;

-- name: register_again
-- A worker whose row was pruned gets another one, and keeps the jobs that it still runs.
WITH fresh AS (
    INSERT INTO public.procrastinate_workers DEFAULT VALUES
    RETURNING id
),

kept AS (
    UPDATE public.procrastinate_jobs AS job
    SET worker_id = fresh.id
    FROM fresh
    WHERE
        job.id = any(%(known)s::bigint[])
        AND job.status = 'doing'
        AND job.worker_id IS NULL
)

SELECT fresh.id FROM fresh;

-- name: only_one
-- One process of the fleet does the rounds; the others leave it to that one.
SELECT pg_try_advisory_xact_lock(7461900453) AS is_ours;

-- name: stalled
-- Running jobs whose worker is gone or silent, oldest first, locked against other rescuers.
SELECT
    job.id,
    job.task_name,
    job.attempts
FROM public.procrastinate_jobs AS job
WHERE
    job.status = 'doing'
    AND NOT EXISTS (
        SELECT 1
        FROM public.procrastinate_workers AS worker
        WHERE
            worker.id = job.worker_id
            AND worker.last_heartbeat > clock_timestamp() - make_interval(secs => %(silent_s)s) -- noqa: RF02
    )
ORDER BY job.id
LIMIT %(most)s
FOR UPDATE OF job SKIP LOCKED;

-- name: prune_jobs
-- Delete old finished jobs of the given states. Only the oldest `most` are looked at: they went
-- in before the others, so old ones stand among them.
WITH oldest AS (
    SELECT job.id
    FROM public.procrastinate_jobs AS job
    WHERE job.status = any(%(states)s::public.procrastinate_job_status[])
    ORDER BY job.id
    LIMIT %(most)s
    FOR UPDATE OF job SKIP LOCKED
)

DELETE FROM public.procrastinate_jobs AS job
USING oldest
WHERE
    job.id = oldest.id
    AND NOT EXISTS (
        SELECT 1
        FROM public.procrastinate_events AS event
        WHERE
            event.job_id = job.id
            AND event.at > clock_timestamp() - make_interval(secs => %(keep_s)s)
    )
RETURNING job.id;

-- name: prune_workers
-- Delete rows of workers that are long dead and have no job left.
DELETE FROM public.procrastinate_workers AS worker
WHERE
    worker.last_heartbeat < clock_timestamp() - make_interval(secs => %(silent_s)s)
    AND NOT EXISTS (
        SELECT 1
        FROM public.procrastinate_jobs AS job
        WHERE
            job.worker_id = worker.id
            AND job.status = 'doing'
    )
RETURNING worker.id;

-- name: enqueue_periodic
-- The job of the running slot, once for the fleet, unless the one before still waits or runs.
SELECT
    public.procrastinate_defer_periodic_job_v2(
        %(queue)s,
        NULL,
        NULL,
        %(name)s,
        0,
        %(name)s,
        (floor(extract(EPOCH FROM clock_timestamp()) / %(every_s)s) * %(every_s)s)::bigint,
        '{}'
    ) AS id
WHERE
    NOT EXISTS (
        SELECT 1
        FROM public.procrastinate_jobs AS job
        WHERE
            job.task_name = %(name)s
            AND job.status IN ('todo', 'doing')
    );

-- name: depths
-- Work by queue: due, later, running.
SELECT
    job.queue_name,
    count(*) FILTER (
        WHERE job.status = 'todo' AND (job.scheduled_at IS NULL OR job.scheduled_at <= clock_timestamp())
    ) AS due,
    count(*) FILTER (WHERE job.status = 'todo' AND job.scheduled_at > clock_timestamp()) AS later,
    count(*) FILTER (WHERE job.status = 'doing') AS running
FROM public.procrastinate_jobs AS job
WHERE job.status IN ('todo', 'doing')
GROUP BY job.queue_name;

-- name: oldest_age_s
-- For how long the oldest due job of each queue has been due.
SELECT
    job.queue_name,
    extract(
        EPOCH FROM clock_timestamp() - min(coalesce(job.scheduled_at, event.at))
    )::double precision AS age_s
FROM public.procrastinate_jobs AS job
INNER JOIN public.procrastinate_events AS event
    ON
        job.id = event.job_id
        AND event.type = 'deferred'
WHERE
    job.status = 'todo'
    AND (job.scheduled_at IS NULL OR job.scheduled_at <= clock_timestamp())
GROUP BY job.queue_name;

-- name: workers_alive
-- How many worker processes have reported lately.
SELECT count(*)
FROM public.procrastinate_workers AS worker
WHERE worker.last_heartbeat >= clock_timestamp() - make_interval(secs => %(within_s)s);

-- name: failed
-- Jobs that failed for good and are still kept, by name: quarantined ones have a name of nobody.
SELECT
    job.task_name,
    count(*) AS jobs
FROM public.procrastinate_jobs AS job
WHERE job.status = 'failed'
GROUP BY job.task_name;

-- name: by_id
-- One job as it stands, with the moments when it was enqueued and when it last ended.
SELECT
    job.id,
    job.task_name,
    job.queue_name,
    job.status::text,
    job.attempts,
    min(event.at) FILTER (WHERE event.type = 'deferred') AS created_at,
    max(event.at) FILTER (
        WHERE event.type IN ('succeeded', 'failed', 'cancelled', 'aborted')
    ) AS finished_at
FROM public.procrastinate_jobs AS job
LEFT JOIN public.procrastinate_events AS event ON job.id = event.job_id
WHERE job.id = %(id)s -- noqa: RF02
GROUP BY job.id;
