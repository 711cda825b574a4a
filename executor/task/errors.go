package task

import (
	"encoding/json"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/storage/record"
)

// ErrorTopic is the error stream's topic: one JSON object a record or row that a kept query could not use.
const ErrorTopic = "freshet_errors"

// payloadBytesMax is how much of a bad payload the error stream keeps.
const payloadBytesMax = 4 << 10

// errorEntry is one entry of the error stream. Source: engine design, "Commit, exactly-once, recovery".
type errorEntry struct {
	Query     string `json:"query_id"`
	Topic     string `json:"topic,omitempty"`
	Partition *int32 `json:"record_partition,omitempty"`
	Offset    *int64 `json:"record_offset,omitempty"`
	Cause     string `json:"cause"`
	Payload   string `json:"payload,omitempty"`
}

// errorEntries gathers a task's entries of an epoch; they commit with it.
type errorEntries struct {
	task    *Task
	builder *record.Builder
}

// record notes a record that could not be decoded.
func (e *errorEntries) record(b BadRecord) {
	e.add(errorEntry{
		Query: e.task.spec.ID, Topic: b.Topic, Partition: &b.Partition, Offset: &b.Offset, Cause: b.Cause,
		Payload: string(b.Payload[:min(len(b.Payload), payloadBytesMax)]),
	})
}

// row notes a row that an expression could not be computed for.
func (e *errorEntries) row(step string, err *sqlerr.Error) {
	e.task.badRows.Add(1)
	e.add(errorEntry{Query: e.task.spec.ID, Cause: step + ": " + err.Message})
}

func (e *errorEntries) add(entry errorEntry) {
	value, err := json.Marshal(entry)
	if err != nil {
		e.task.log.Warn("cannot write an error entry", "err", err)
		return
	}
	if e.builder == nil {
		e.builder = record.NewBuilder(record.None)
	}
	e.builder.Append(e.task.env.Now().UnixNano()/int64(time.Millisecond), nil, value, nil)
	if e.builder.Len() >= sinkBatchBytes {
		e.flush()
	}
}

// flush hands the entries to the outbox.
func (e *errorEntries) flush() {
	if e.builder == nil || e.builder.Count() == 0 {
		return
	}
	if err := e.task.outbox.post(client.TopicPartition{Topic: ErrorTopic}, e.builder); err != nil {
		e.task.log.Warn("cannot write the error stream", "err", err)
	}
}
