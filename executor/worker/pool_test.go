package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor/task"
	"github.com/freshetdb/freshet/executor/task/tasktest"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/format/builtin"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// node is a pool over a broker in memory, and what its tasks need.
type node struct {
	t      *testing.T
	ctx    context.Context //nolint:containedctx // the test's
	broker *tasktest.Broker
	env    task.Env
	pool   *Pool
	stop   func() error
}

func newNode(t *testing.T, workers int) *node {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	b := tasktest.New()
	b.Make("in", 1)
	b.Make(task.ErrorTopic, 1)
	log := slog.New(slog.DiscardHandler)
	n := &node{t: t, ctx: ctx, broker: b}
	n.env = task.Env{Client: b, Formats: builtin.New(), FS: vfs.NewMem(), Dir: "dumps", Buffers: &task.BufferPool{}, Now: time.Now, Log: log}
	n.pool = New(Options{Workers: workers, CommitInterval: time.Millisecond, TransactionalID: "node"}, b, n.env.Buffers, nil, log)
	running, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- n.pool.Run(running) }()
	stopped := false
	n.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		end()
		return <-ended
	}
	t.Cleanup(func() { _ = n.stop() })
	<-n.pool.Ready()
	return n
}

// copyTask is a task that copies "in" to a topic of its own name. A failure of it comes out of the channel.
func (n *node) copyTask(id string) (*task.Task, chan error) {
	n.t.Helper()
	if _, err := n.broker.Topic(n.ctx, id); err != nil {
		n.broker.Make(id, 1)
	}
	json := physical.FormatSpec{Name: "JSON", Wrapped: true}
	plan := &physical.Plan{Limit: -1, Root: &physical.Sink{
		Input: &physical.Scan{
			Relation: "in", Topic: "in", KeyFormat: physical.FormatSpec{Name: "NONE"}, ValueFormat: json, TimeColumn: -1,
			Columns: types.Columns{{Name: "V", Type: types.Of(types.BigInt)}}, Origins: []physical.Origin{{Field: "V"}},
		},
		Topic: id, KeyFormat: physical.FormatSpec{Name: "NONE"}, ValueFormat: json, ValueColumns: []int{0}, ValueFields: []string{"V"}, WindowStart: -1, TimeColumn: -1,
	}}
	t, err := task.New(n.ctx, n.env, task.Spec{ID: id, Layout: "1", Plan: plan})
	if err != nil {
		n.t.Fatal(err)
	}
	failed := make(chan error, 1)
	n.pool.Add(t, func(err error) { failed <- err })
	return t, failed
}

// add appends values to "in" and returns where it ends.
func (n *node) add(values ...int) map[client.TopicPartition]int64 {
	in := client.TopicPartition{Topic: "in"}
	for _, v := range values {
		n.broker.Append(in, record.None, tasktest.Record{Value: fmt.Sprintf(`{"V":%d}`, v)})
	}
	o, err := n.broker.Offsets(n.ctx, in)
	if err != nil {
		n.t.Fatal(err)
	}
	return map[client.TopicPartition]int64{in: o.HighWatermark}
}

func (n *node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) values(topic string) string {
	return strings.NewReplacer(`={"V":`, "", "}", "").Replace(strings.Join(n.broker.Values(topic), " "))
}

// TestCommitOrder: one transaction holds the outputs of all tasks before their positions, and then ends.
func TestCommitOrder(t *testing.T) {
	for _, workers := range []int{1, 3} {
		n := newNode(t, workers)
		a, _ := n.copyTask("a")
		b, _ := n.copyTask("b")
		end := n.add(1, 2, 3)
		n.must(a.WaitFor(n.ctx, end))
		n.must(b.WaitFor(n.ctx, end))
		if got := n.values("a") + "; " + n.values("b"); got != "1 2 3; 1 2 3" {
			t.Errorf("output: %s", got)
		}
		produced := map[string]bool{}
		for _, e := range n.broker.Events() {
			words := strings.Fields(e)
			switch words[0] {
			case "produce":
				produced[words[1]] = true
			case "offsets":
				topic := strings.TrimSuffix(strings.TrimPrefix(words[1], "_freshet-"), "-1")
				if !produced[topic+"-0"] {
					t.Errorf("positions of %s before its output: %q", topic, n.broker.Events())
				}
			case "commit":
				clear(produced)
			case "abort":
				t.Error("a transaction was aborted")
			}
		}
	}
}

// TestFailedCommit fails every task of the group; made anew, they go on where the last commit left them and write everything once.
func TestFailedCommit(t *testing.T) {
	n := newNode(t, 2)
	a, failedA := n.copyTask("a")
	b, failedB := n.copyTask("b")
	end := n.add(1, 2)
	n.must(a.WaitFor(n.ctx, end))
	n.must(b.WaitFor(n.ctx, end))
	cause := errors.New("the disk is gone")
	n.broker.FailCommits(cause)
	end = n.add(3)
	for _, failed := range []chan error{failedA, failedB} {
		// A task fails with the commit that holds something of it.
		if err := <-failed; !errors.Is(err, cause) {
			t.Fatalf("failed with %v", err)
		}
	}
	if err := a.WaitFor(n.ctx, end); !errors.Is(err, task.ErrGone) {
		t.Errorf("waiting for a failed task: %v", err)
	}
	if got := n.values("a"); got != "1 2" {
		t.Errorf("after the failure: %s", got)
	}
	n.broker.FailCommits(nil)
	a, _ = n.copyTask("a")
	b, _ = n.copyTask("b")
	n.must(a.WaitFor(n.ctx, end))
	n.must(b.WaitFor(n.ctx, end))
	if got := n.values("a") + "; " + n.values("b"); got != "1 2 3; 1 2 3" {
		t.Errorf("output: %s", got)
	}
}

// TestRemoveCommits: a task that leaves has committed whatever it wrote.
func TestRemoveCommits(t *testing.T) {
	n := newNode(t, 1)
	a, _ := n.copyTask("a")
	other, _ := n.copyTask("b")
	var want []string
	for i := range 50 {
		n.add(i)
		want = append(want, fmt.Sprint(i))
	}
	n.must(n.pool.Remove(n.ctx, a))
	positions, err := n.broker.Committed(n.ctx, "_freshet-a-1", true)
	n.must(err)
	written := strings.Fields(n.values("a"))
	at := positions[client.TopicPartition{Topic: "in"}].Offset
	if int(at) != len(written) || !slices.Equal(written, want[:len(written)]) {
		t.Errorf("position %d, %d records written", at, len(written))
	}
	if err := a.WaitFor(n.ctx, n.add(99)); !errors.Is(err, task.ErrGone) {
		t.Errorf("waiting for a removed task: %v", err)
	}
	n.must(other.WaitFor(n.ctx, n.add(100)))
}

// TestStop makes a last commit and closes every task.
func TestStop(t *testing.T) {
	n := newNode(t, 1)
	a, _ := n.copyTask("a")
	end := n.add(1)
	n.must(a.WaitFor(n.ctx, end))
	n.must(n.stop())
	if err := a.WaitFor(n.ctx, n.add(2)); !errors.Is(err, task.ErrGone) {
		t.Errorf("waiting for a stopped task: %v", err)
	}
	if err := n.pool.Remove(n.ctx, a); !errors.Is(err, ErrStopped) {
		t.Errorf("removing after the end: %v", err)
	}
}

// TestHeldBack: a task whose outbox is twice full waits for the commit, and all of its input still comes out once.
func TestHeldBack(t *testing.T) {
	n := newNode(t, 1)
	n.pool.opts.EpochBytes = 1
	a, _ := n.copyTask("a")
	const rows = 5000
	values := make([]int, rows)
	for i := range values {
		values[i] = i
	}
	n.must(a.WaitFor(n.ctx, n.add(values...)))
	if got := len(n.broker.Values("a")); got != rows {
		t.Errorf("%d records", got)
	}
}
