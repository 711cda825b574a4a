package task

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
	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/executor/task/tasktest"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/format/builtin"
	"github.com/freshetdb/freshet/sql/functions"
	functionset "github.com/freshetdb/freshet/sql/functions/builtin"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// countPlan is SELECT k, count(*) FROM in GROUP BY k, kept as a view and written to out. window 0: none.
func countPlan(t *testing.T, window physical.Window) *physical.Plan {
	t.Helper()
	text := types.Of(types.String)
	count, _, err := functionset.New().ResolveAggregate("count", nil, true, functions.KsqlDB)
	if err != nil {
		t.Fatal(err)
	}
	typ, build, err := count.Bind(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	json := physical.FormatSpec{Name: "JSON", Wrapped: true}
	agg := &physical.Aggregate{
		Input: &physical.Scan{
			Relation: "in", Topic: "in", KeyFormat: physical.FormatSpec{Name: "NONE"}, ValueFormat: json, TimeColumn: -1,
			Columns: types.Columns{{Name: "K", Type: text}}, Origins: []physical.Origin{{Field: "K"}},
		},
		Keys: []expr.Expr{&expr.Column{Typ: text}}, Window: window, Aggs: []physical.Agg{{Name: "count", New: build, Type: typ}},
		Columns: types.Columns{{Name: "K", Type: text}},
	}
	view := &physical.View{Input: agg, ID: "v", Name: "v", Key: []int{0}, WindowStart: -1}
	last := 1
	if window.Kind != physical.NoWindow {
		agg.Columns = append(agg.Columns, types.Column{Name: "WS", Type: types.Of(types.BigInt)}, types.Column{Name: "WE", Type: types.Of(types.BigInt)})
		view.Key, view.WindowStart, view.Window = []int{0, 1}, 1, window
		last = 3
	}
	agg.Columns = append(agg.Columns, types.Column{Name: "N", Type: typ})
	return &physical.Plan{Dialect: functions.KsqlDB, Limit: -1, Root: &physical.Sink{
		Input: view, Topic: "out", KeyFormat: physical.FormatSpec{Name: "KAFKA"}, ValueFormat: json,
		KeyColumns: []int{0}, KeyFields: []string{""}, ValueColumns: []int{last}, ValueFields: []string{"N"}, WindowStart: -1, TimeColumn: -1, Table: true,
	}}
}

// life is a task under test and what it stands on.
type life struct {
	t        *testing.T
	broker   *tasktest.Broker
	env      Env
	spec     Spec
	task     *Task
	producer client.Producer
	epoch    dataflow.Epoch
}

func newLife(t *testing.T, partitions int, plan *physical.Plan) *life {
	t.Helper()
	b := tasktest.New()
	b.Make("in", partitions)
	b.Make("out", 1)
	b.Make(ErrorTopic, 1)
	p, err := b.Producer(context.Background(), client.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l := &life{t: t, broker: b, producer: p, spec: Spec{ID: "q", Layout: "1", Plan: plan}}
	l.env = Env{
		Client: b, Formats: builtin.New(), FS: vfs.NewMem(), Dir: "dumps", Buffers: &BufferPool{}, DumpBytes: 1, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	l.start()
	t.Cleanup(func() { l.task.Close() })
	return l
}

// start makes the task anew, as a restart would.
func (l *life) start() {
	l.t.Helper()
	if l.task != nil {
		l.task.Close()
	}
	var err error
	if l.task, err = New(context.Background(), l.env, l.spec); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) add(partition int32, ms int64, keys ...string) {
	records := make([]tasktest.Record, len(keys))
	for i, k := range keys {
		records[i] = tasktest.Record{Time: ms, Value: fmt.Sprintf(`{"K":%q}`, k)}
	}
	l.broker.Append(client.TopicPartition{Topic: "in", Partition: partition}, record.None, records...)
}

// work reads what is there and returns the rows.
func (l *life) work() (rows int) {
	l.t.Helper()
	for {
		n, err := l.task.Work(context.Background())
		if err != nil {
			l.t.Fatal(err)
		}
		if n == 0 {
			return rows
		}
		rows += n
	}
}

// commit passes a barrier and commits what it brings, as the pool does.
func (l *life) commit() {
	l.t.Helper()
	l.work()
	l.epoch++
	f, err := l.task.Barrier(l.epoch)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, b := range f.Batches {
		l.producer.Produce(b.To, b.Bytes, func(a client.Ack) {
			if a.Err != nil {
				l.t.Fatal(a.Err)
			}
			f.Acked(b, a.BaseOffset)
		})
	}
	l.producer.CommitOffsets(client.GroupMember{Group: f.Group}, f.Offsets, nil)
	l.producer.Commit(func(err error) {
		if err != nil {
			l.t.Fatal(err)
		}
	})
	l.task.Committed(l.epoch, f)
	l.task.Announce()
	if l.task.dumps != nil {
		l.task.dumps.wg.Wait()
	}
}

// counts is the last count written of each key.
func (l *life) counts() map[string]string {
	last := map[string]string{}
	for _, r := range l.broker.Values("out") {
		key, value, _ := strings.Cut(r, "=")
		last[key] = value
	}
	return last
}

func (l *life) changelog() client.TopicPartition {
	for p := range int32(8) {
		tp := client.TopicPartition{Topic: l.spec.Changelog(), Partition: p}
		if o, err := l.broker.Offsets(context.Background(), tp); err == nil && o.HighWatermark > 0 {
			return tp
		}
	}
	l.t.Fatal("the changelog is empty")
	return client.TopicPartition{}
}

// TestTaskRecovers stops a task between a commit and the next: it goes on where the commit left it, from its changelog alone.
func TestTaskRecovers(t *testing.T) {
	l := newLife(t, 1, countPlan(t, physical.Window{}))
	l.env.DumpBytes = 1 << 30
	l.start()
	l.add(0, 1, "a", "b", "a")
	l.commit()
	l.add(0, 2, "a", "c")
	if l.work() != 2 {
		t.Fatal("nothing was read")
	}
	l.start() // what was read since the commit is forgotten
	if read, _, _ := l.task.Counts(); read != 0 {
		t.Fatalf("%d records read", read)
	}
	l.commit()
	if got, want := fmt.Sprint(l.counts()), `map[a:{"N":3} b:{"N":1} c:{"N":1}]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := l.task.WaitFor(context.Background(), map[client.TopicPartition]int64{testIn: 5}); err != nil {
		t.Error(err)
	}
}

// TestTaskOvertaken deletes records below a running task's place: it fails, and its next life goes on behind them and says so once.
func TestTaskOvertaken(t *testing.T) {
	l := newLife(t, 1, countPlan(t, physical.Window{}))
	l.add(0, 1, "a", "b")
	l.commit()
	l.add(0, 2, "a", "c")
	l.add(0, 3, "b")
	tp := client.TopicPartition{Topic: "in"}
	if err := l.broker.DeleteRecords(context.Background(), tp, 4); err != nil {
		t.Fatal(err)
	}
	if _, err := l.task.Work(context.Background()); !errors.Is(err, client.ErrOffsetOutOfRange) {
		t.Fatalf("read what is gone: %v", err)
	}
	for range 2 {
		l.start()
		l.commit()
	}
	if got, want := fmt.Sprint(l.counts()), `map[a:{"N":1} b:{"N":2}]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	told := l.broker.Values(ErrorTopic)
	if len(told) != 1 || !strings.Contains(told[0], `"record_offset":2,"cause":"records 2 to 3 were deleted before the query read them; it goes on at 4"`) {
		t.Errorf("error stream: %q", told)
	}
}

// TestTaskGrown adds a partition to the input of a query that began with new records only: it is read from its start.
func TestTaskGrown(t *testing.T) {
	plan := countPlan(t, physical.Window{})
	plan.Root.Inputs()[0].Inputs()[0].Inputs()[0].(*physical.Scan).Start.Latest = true
	l := newLife(t, 1, plan)
	l.add(0, 1, "a")
	l.commit()
	if l.task.Grown(context.Background()) {
		t.Error("grown too early")
	}
	l.broker.Make("in", 1) // one more
	l.add(1, 2, "b")
	if !l.task.Grown(context.Background()) {
		t.Error("not grown")
	}
	l.start()
	l.commit()
	if got, want := fmt.Sprint(l.counts()), `map[a:{"N":1} b:{"N":1}]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestTaskDumps has a state dumped again and again: two dumps stay, the changelog below the older one goes, and a bad dump falls back to the one before.
func TestTaskDumps(t *testing.T) {
	l := newLife(t, 1, countPlan(t, physical.Window{}))
	grow := func(from, to int) {
		t.Helper()
		keys := make([]string, 0, to-from)
		for i := from; i < to; i++ {
			keys = append(keys, fmt.Sprint("key", i))
		}
		l.add(0, 1, keys...)
		l.commit()
	}
	commits := 0
	for ; commits < 100 && l.task.dumps.seq < 4; commits++ { // a dump is due when half the state's size has been written
		grow(0, 400)
	}
	grow(400, 600) // behind the last dump
	names, err := l.task.dumps.list()
	if err != nil || len(names) != dumpsKept {
		t.Fatalf("dumps %v: %v", names, err)
	}
	if o, err := l.broker.Offsets(context.Background(), l.changelog()); err != nil || o.Start == 0 {
		t.Errorf("the changelog was not trimmed: %+v, %v", o, err)
	}
	before := l.counts()
	newest := l.env.FS.PathJoin(l.task.dumps.dir, names[1])
	l.start()
	l.spoil(newest)
	l.start() // the newest dump is bad
	names, err = l.task.dumps.list()
	if err != nil || !slices.Contains(names, l.env.FS.PathBase(newest)) {
		t.Errorf("dumps %v: %v", names, err)
	}
	l.add(0, 2, "key0", "key500", "new")
	l.commit()
	for key, was := range before {
		switch key {
		case "key0":
			was = fmt.Sprintf(`{"N":%d}`, commits+1)
		case "key500":
			was = `{"N":2}`
		}
		if got := l.counts()[key]; got != was {
			t.Errorf("%s: %s after the restart, %s before", key, got, was)
		}
	}
}

// spoil turns a byte in the middle of a file.
func (l *life) spoil(name string) {
	l.t.Helper()
	info, err := l.env.FS.Stat(name)
	if err != nil {
		l.t.Fatal(err)
	}
	f, err := l.env.FS.OpenReadWrite(name, vfs.Category)
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	at, b := info.Size()/2, make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		l.t.Fatal(err)
	}
	b[0] ^= 0xff
	if _, err := f.WriteAt(b, at); err != nil {
		l.t.Fatal(err)
	}
}

// TestLatenessByPartition: a partition that is behind is not late by the times of one that is ahead, only by its own.
func TestLatenessByPartition(t *testing.T) {
	l := newLife(t, 2, countPlan(t, physical.Window{Kind: physical.Tumbling, SizeMS: 10, GraceMS: 5}))
	l.add(0, 1, "a")
	l.add(0, 1000, "a")
	l.work()
	l.add(1, 2, "b")
	l.add(1, 700, "b")
	l.add(1, 3, "b") // late by its own partition
	l.commit()
	if late := l.task.Stats().Late.Load(); late != 1 {
		t.Errorf("%d late rows", late)
	}
}

// TestBadRecords go to the error stream with their place, and the query goes on; with ON ERROR STOP the first one fails it.
func TestBadRecords(t *testing.T) {
	plan := countPlan(t, physical.Window{})
	l := newLife(t, 1, plan)
	l.add(0, 1, "a")
	l.broker.Append(testIn, record.None, tasktest.Record{Value: "no json"})
	l.add(0, 1, "a")
	l.commit()
	if got := fmt.Sprint(l.counts()); got != `map[a:{"N":2}]` {
		t.Error(got)
	}
	errs := l.broker.Values(ErrorTopic)
	if len(errs) != 1 || !strings.Contains(errs[0], `"record_offset":1`) || !strings.Contains(errs[0], `"payload":"no json"`) {
		t.Errorf("error stream: %q", errs)
	}
	if _, _, refused := l.task.Counts(); refused != 1 {
		t.Errorf("%d refused", refused)
	}
	plan.Root.Inputs()[0].Inputs()[0].Inputs()[0].(*physical.Scan).StopOnError = true
	l.start()
	l.broker.Append(testIn, record.None, tasktest.Record{Value: "no json either"})
	if _, err := l.task.Work(context.Background()); err == nil || !strings.Contains(err.Error(), "in-0 offset 3") {
		t.Errorf("ON ERROR STOP: %v", err)
	}
}

// TestNothingToWrite ends an epoch in which only the watermark moved: it is committed all the same, so a task that leaves does not wait for ever.
func TestNothingToWrite(t *testing.T) {
	l := newLife(t, 1, countPlan(t, physical.Window{Kind: physical.Tumbling, SizeMS: 10}))
	now := time.Now()
	l.env.Now = func() time.Time { return now }
	l.start()
	l.add(0, 1, "a")
	l.commit()
	now = now.Add(time.Hour)
	if moved, err := l.task.Tick(context.Background()); err != nil || !moved {
		t.Fatalf("the watermark did not follow the wall clock: %v", err)
	}
	f, err := l.task.Barrier(l.epoch + 1)
	if err != nil || f.Changed() {
		t.Fatalf("changed: %v, %v", f.Changed(), err)
	}
	l.task.Committed(l.epoch+1, f)
	if l.task.Uncommitted() {
		t.Error("a committed epoch counts as uncommitted")
	}
}

func TestWaitEndsWithTheTask(t *testing.T) {
	l := newLife(t, 1, countPlan(t, physical.Window{}))
	done := make(chan error, 1)
	go func() { done <- l.task.WaitFor(context.Background(), map[client.TopicPartition]int64{testIn: 1}) }()
	l.task.Close()
	if err := <-done; err != ErrGone { //nolint:errorlint // itself
		t.Error(err)
	}
}
