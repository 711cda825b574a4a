package faults

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/storage/vfs"
)

// queries are kept over the topic src: a copy, a copy of the copy, an aggregate, a windowed one, an aggregate of the chain.
var queries = []string{
	`CREATE STREAM src (id BIGINT, v BIGINT) WITH (KAFKA_TOPIC = 'src', VALUE_FORMAT = 'JSON')`,
	`CREATE STREAM copied AS SELECT id, v FROM src EMIT CHANGES`,
	`CREATE STREAM chained AS SELECT id, v * 2 AS v FROM copied WHERE v > 0 EMIT CHANGES`,
	`CREATE TABLE totals AS SELECT id % 10 AS k, count(*) AS n, sum(v) AS total FROM src GROUP BY id % 10 EMIT CHANGES`,
	`CREATE TABLE windows AS SELECT v AS k, count(*) AS n, sum(id) AS total FROM src WINDOW TUMBLING (SIZE 1 SECOND) GROUP BY v EMIT CHANGES`,
	`CREATE TABLE ends AS SELECT v AS k, count(*) AS n FROM chained GROUP BY v EMIT CHANGES`,
}

const (
	lives      = 4
	lifeOpsMin = 300
	lifeOpsMax = 12_000
	lifeBatch  = 40
)

// TestPowerCut runs a node through several lives, each ended by a power cut at a random disk operation under load; what was synced
// is kept, of the rest a random part. Whatever anybody was told before a cut holds after it.
func TestPowerCut(t *testing.T) {
	for run := range 6 {
		t.Run(strconv.Itoa(run), func(t *testing.T) {
			t.Parallel()
			powerCuts(t, seeded(t))
		})
	}
}

func powerCuts(t *testing.T, rng *rand.Rand) {
	p := &power{t: t, rng: rng, ledger: newLedger(), mem: vfs.NewCrashableMem(), told: told{positions: map[string]int64{}}}
	p.setUp()
	for range lives {
		p.live()
	}
	node := start(t, p.mem)
	p.check(node)
	if err := node.Close(); err != nil {
		t.Error(err)
	}
}

// told is what clients were told and must stay true.
type told struct {
	acked     []int64
	positions map[string]int64
	counted   int64
}

type power struct {
	t      *testing.T
	rng    *rand.Rand
	ledger *ledger
	mem    *vfs.MemFS // the disk of the next life
	told   told       // at the last cut
}

func (p *power) setUp() {
	node := start(p.t, p.mem)
	cl := newClient(p.t, node.Addresses().Kafka)
	createTopic(p.t, cl, "src", 3)
	cl.Close()
	s := connect(p.t, node)
	s.must(queries...)
	s.close()
	if err := node.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// live is one life: first what was told must hold, then load until the cut.
func (p *power) live() {
	d := newDisk(p.mem)
	node := start(p.t, d.fs())
	p.ledger.open()
	w := &witness{power: p, told: told{positions: map[string]int64{}, counted: p.told.counted}, cut: make(chan struct{})}
	p.holds(node, &w.told)

	var (
		ops     = lifeOpsMin + p.rng.IntN(lifeOpsMax-lifeOpsMin)
		percent = []int{0, 50, 100, p.rng.IntN(101)}[p.rng.IntN(4)]
		source  = rand.New(rand.NewPCG(p.rng.Uint64(), 0))
		mu      sync.Mutex
		after   *vfs.MemFS
	)
	d.set(func(vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if ops--; ops != 0 {
			return nil
		}
		p.told = w.seal() // before the clone: whoever was told anything by now must find it again
		after = vfs.Crash(d.mem, percent, source)
		close(w.cut)
		return nil
	})
	w.load(node)
	mu.Lock()
	p.mem = after
	mu.Unlock()
	_ = node.Close() // on a disk that nobody will see again
}

// witness loads a node and notes what it tells, until the cut.
type witness struct {
	power *power
	cut   chan struct{}

	mu   sync.Mutex
	told told // guarded by mu
}

func (w *witness) seal() told {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := told{acked: w.power.ledger.seal(), positions: map[string]int64{}, counted: w.told.counted}
	maps.Copy(out.positions, w.told.positions)
	return out
}

func (w *witness) load(node *server.Server) {
	t := w.power.t
	cl := newClient(t, node.Addresses().Kafka, kgo.MaxBufferedRecords(4*lifeBatch), kgo.MaxProduceRequestsInflightPerBroker(1))
	defer cl.CloseAllowingRebalance()
	s := connect(t, node)
	defer s.close()
	ctx := testContext(t)
	for {
		select {
		case <-w.cut:
			if err := cl.AbortBufferedRecords(ctx); err != nil {
				t.Error(err)
			}
			return
		case <-ctx.Done():
			t.Fatal("no cut")
		default:
		}
		w.power.ledger.produce(cl, lifeBatch)
		w.look(ctx, cl, s)
	}
}

// look asks for positions and a view.
func (w *witness) look(ctx context.Context, cl *kgo.Client, s *session) {
	positions, err := committed(ctx, cl)
	if err != nil {
		w.power.t.Error(err)
		return
	}
	n, err := countAll(ctx, s)
	if err != nil {
		w.power.t.Error(err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for at, offset := range positions {
		if before := w.told.positions[at]; offset < before {
			w.power.t.Errorf("position %s went back from %d to %d", at, before, offset)
		}
		w.told.positions[at] = offset
	}
	if n < w.told.counted {
		w.power.t.Errorf("the view counted %d records and then %d", w.told.counted, n)
	}
	w.told.counted = n
}

func countAll(ctx context.Context, s *session) (int64, error) {
	rows, err := s.query(ctx, `SELECT coalesce(sum(n), 0)::bigint FROM totals`)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(rows[0], 10, 64)
}

// holds checks a node just started against what its former lives told; now gets its positions.
func (p *power) holds(node *server.Server, now *told) {
	cl := newClient(p.t, node.Addresses().Kafka)
	defer cl.Close()
	s := connect(p.t, node)
	defer s.close()
	ctx := testContext(p.t)
	n, err := countAll(ctx, s)
	if err != nil {
		p.t.Fatal(err)
	}
	if n < p.told.counted {
		p.t.Errorf("the view had counted %d records before the cut, %d after it", p.told.counted, n)
	}
	now.counted = n
	positions, err := committed(ctx, cl)
	if err != nil {
		p.t.Fatal(err)
	}
	for at, before := range p.told.positions {
		if got, ok := positions[at]; !ok || got < before {
			p.t.Errorf("position %s was %d before the cut, %d after it", at, before, got)
		}
	}
	now.positions = positions
}

// check compares everything with the batch answer over the input as it is in the log.
func (p *power) check(node *server.Server) {
	t := p.t
	s := connect(t, node)
	defer s.close()
	input := readRows(t, node.Addresses().Kafka, "src")
	ids := map[int64]int{}
	for _, r := range input {
		ids[r.ID]++
	}
	for _, id := range p.told.acked {
		if ids[id] != 1 {
			t.Errorf("acknowledged record %d is %d times in the log", id, ids[id])
		}
	}
	t.Logf("%d records in the log, %d acknowledged before the last cut", len(input), len(p.told.acked))
	s.eventually(`SELECT coalesce(sum(n), 0)::bigint FROM totals`, strconv.Itoa(len(input)))
	var positive []row
	for _, r := range input {
		if r.V > 0 {
			positive = append(positive, row{r.ID, r.V * 2})
		}
	}
	s.eventually(`SELECT coalesce(sum(n), 0)::bigint FROM ends`, strconv.Itoa(len(positive)))
	s.eventually(`SELECT coalesce(sum(n), 0)::bigint FROM windows`, strconv.Itoa(len(input)))
	same(t, "copied", readRows(t, node.Addresses().Kafka, "copied"), input)
	same(t, "chained", readRows(t, node.Addresses().Kafka, "chained"), positive)
	p.checkViews(s, input, positive)
	if bad := readCommitted(t, node.Addresses().Kafka, "freshet_errors"); len(bad) != 0 {
		t.Errorf("%d entries in the error stream: %s", len(bad), bad[0].Value)
	}
}

func (p *power) checkViews(s *session, input, positive []row) {
	type sums struct{ n, total int64 }
	totals, windows, ends := map[int64]sums{}, map[string]sums{}, map[int64]int64{}
	for _, r := range input {
		at := totals[r.ID%10]
		totals[r.ID%10] = sums{at.n + 1, at.total + r.V}
		window := fmt.Sprintf("%d %d", r.V, r.ID*stepMS/1000)
		in := windows[window]
		windows[window] = sums{in.n + 1, in.total + r.ID}
	}
	for _, r := range positive {
		ends[r.V]++
	}
	var want []string
	for k, at := range totals {
		want = append(want, fmt.Sprintf("%d %d %d", k, at.n, at.total))
	}
	sameLines(p.t, "totals", s.must(`SELECT k, n, total::bigint FROM totals`), want)
	want = nil
	for k, at := range windows {
		want = append(want, fmt.Sprintf("%s %d %d", k, at.n, at.total))
	}
	sameLines(p.t, "windows", s.must(fmt.Sprintf(
		`SELECT k, ((extract(epoch FROM windowstart) * 1000)::bigint - %d) / 1000, n, total::bigint FROM windows`, int64(epochMS))), want)
	want = nil
	for k, n := range ends {
		want = append(want, fmt.Sprintf("%d %d", k, n))
	}
	sameLines(p.t, "ends", s.must(`SELECT k, n FROM ends`), want)
}

// same compares two bags of rows.
func same(t *testing.T, what string, got, want []row) {
	t.Helper()
	lines := func(rows []row) (out []string) {
		for _, r := range rows {
			out = append(out, fmt.Sprint(r))
		}
		return out
	}
	sameLines(t, what, lines(got), lines(want))
}

func sameLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("%s: %d rows, %d expected; the first difference is at %d: %q, %q expected", what, len(got), len(want), i,
				got[min(i, len(got)):min(i+1, len(got))], want[min(i, len(want)):min(i+1, len(want))])
			return
		}
	}
}
