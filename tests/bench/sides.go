package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/tests/harness"
)

const (
	// sideRounds is how often each case runs on each side, in turns. The median of the last judgedRounds counts: the first pay for a cold JVM and
	// for memory touched for the first time, which may befall either side in any round.
	sideRounds   = 5
	judgedRounds = 3
	// Records a case moves: about as many bytes of either size.
	records100 = 2_000_000
	records1k  = 600_000
	recordsE2E = 5_000
	// warmRecords are produced twice on a peer before anything counts.
	warmRecords = 1_000_000
	// grownRecords of 1 KiB make about 1 GiB of log; with -big the log grows to twenty times that.
	grownRecords = 1_000_000
	grownTimes   = 20
	grownTopic   = "grown"
)

// side is one of the brokers that are compared.
type side struct {
	name, brokers string
	pid           int
	metrics       string // where its metrics are, "" for none
}

// logCase is one thing measured on both sides.
type logCase struct {
	name, kind  string
	size        int
	codec, acks string
	records     int
	topic       string // "" for one of the case's own, made anew
	// bar is the largest ratio of ours to the peer's CPU.
	bar float64
}

// Bars of CPU per million records against Kafka's.
const (
	barProduce = 0.7
	barConsume = 1.0
	barP50     = 1.2
	barP99     = 1.0 // after our own syncs' p99 was taken off, which the peer does without
)

func logCases() []logCase {
	var out []logCase
	for _, c := range []struct {
		size, records int
		short         string
	}{{100, records100, "100"}, {1024, records1k, "1k"}} {
		for _, codec := range []string{"none", "lz4"} {
			topic := "load-" + c.short + "-" + codec
			out = append(out,
				logCase{name: "produce-" + c.short + "-" + codec, kind: "produce", size: c.size, codec: codec, acks: "all", records: c.records, topic: topic, bar: barProduce},
				logCase{name: "consume-" + c.short + "-" + codec, kind: "consume", size: c.size, codec: codec, records: c.records, topic: topic, bar: barConsume})
		}
	}
	return append(out, logCase{name: "one-at-a-time", kind: "e2e", size: 100, codec: "none", acks: "all", records: recordsE2E, topic: "load-e2e"})
}

// figures are what a case cost on a side.
type figures struct {
	Job           string  `json:"job"`
	Side          string  `json:"side"`
	Round         int     `json:"round"`
	CPUPerMillion float64 `json:"cpu_s_per_M"`
	PerSecond     float64 `json:"records_per_s"`
	RSSMB         int64   `json:"rss_mb"`
	PeakMB        int64   `json:"peak_rss_mb"`
	P50           float64 `json:"p50_ms,omitempty"`
	P99           float64 `json:"p99_ms,omitempty"`
	SyncP99       float64 `json:"sync_p99_ms,omitempty"`
}

// logJobs measures the log, one case after the other on all sides, so that both meet the same machine.
func (b *bench) logJobs(ctx context.Context, against, big bool) error {
	sides := []side{{name: "freshet", brokers: b.node.Kafka, pid: b.node.Pid(), metrics: "http://" + b.node.HTTP + "/metrics"}}
	if against {
		kafka, stop, err := b.startKafka(ctx)
		if err != nil {
			return err
		}
		defer stop()
		sides = append(sides, kafka)
	}
	for _, c := range logCases() {
		if err := b.compare(ctx, c, sides); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return b.grown(ctx, sides, big)
}

// startKafka brings the peer up and warms its JVM.
func (b *bench) startKafka(ctx context.Context) (side, func(), error) {
	script := filepath.Join(b.peers, "kafka", "kafka.sh")
	if out, err := exec.CommandContext(ctx, script, "start").CombinedOutput(); err != nil {
		return side{}, nil, fmt.Errorf("start Kafka: %w: %s", err, out)
	}
	stop := func() { _ = exec.Command(script, "stop").Run() }
	s := side{name: "kafka-4.3.1"}
	for verb, into := range map[string]*string{"bootstrap": &s.brokers, "pids": new(string)} {
		out, err := exec.CommandContext(ctx, script, verb).Output()
		if err != nil {
			stop()
			return side{}, nil, err
		}
		*into = strings.TrimSpace(string(out))
		if verb == "pids" {
			if s.pid, err = strconv.Atoi(*into); err != nil {
				stop()
				return side{}, nil, fmt.Errorf("pid of Kafka: %w", err)
			}
		}
	}
	for _, codec := range []string{"none", "lz4"} {
		warm := logCase{name: "warm", kind: "produce", size: 100, codec: codec, acks: "all", records: warmRecords, topic: "warm"}
		for range 2 {
			if _, err := b.measure(ctx, warm, &s, 0); err != nil {
				stop()
				return side{}, nil, err
			}
		}
	}
	return s, stop, nil
}

// compare runs a case in rounds on all sides and prints how they compare.
func (b *bench) compare(ctx context.Context, c logCase, sides []side) error {
	rounds := make([][]figures, len(sides))
	for round := range sideRounds {
		for i := range sides {
			f, err := b.measure(ctx, c, &sides[i], round+1)
			if err != nil {
				return fmt.Errorf("on %s: %w", sides[i].name, err)
			}
			rounds[i] = append(rounds[i], f)
			if err := printJSON(f); err != nil {
				return err
			}
		}
	}
	if len(sides) < 2 {
		return nil
	}
	ours, theirs := judged(rounds[0]), judged(rounds[1])
	line := map[string]any{"job": c.name, "ratio_cpu": round(ours.CPUPerMillion / theirs.CPUPerMillion), "peer": sides[1].name}
	if c.bar > 0 {
		line["bar"], line["met"] = c.bar, ours.CPUPerMillion <= c.bar*theirs.CPUPerMillion
	}
	if c.kind == "e2e" {
		line["ratio_p50"], line["bar_p50"] = round(ours.P50/theirs.P50), barP50
		line["ratio_p99_without_sync"], line["bar_p99"] = round(ours.P99/theirs.P99), barP99
		line["met"] = ours.P50 <= barP50*theirs.P50 && ours.P99 <= barP99*theirs.P99
	}
	return printJSON(line)
}

// judged is the median of the last rounds, figure by figure; P99 is without the side's own syncs.
func judged(rounds []figures) figures {
	rounds = rounds[len(rounds)-judgedRounds:]
	median := func(of func(*figures) float64) float64 {
		values := make([]float64, len(rounds))
		for i := range rounds {
			values[i] = of(&rounds[i])
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return figures{
		CPUPerMillion: median(func(f *figures) float64 { return f.CPUPerMillion }),
		P50:           median(func(f *figures) float64 { return f.P50 }),
		P99:           median(func(f *figures) float64 { return f.P99 - f.SyncP99 }),
	}
}

func printJSON(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	return nil
}

// measure runs a case on a side.
func (b *bench) measure(ctx context.Context, c logCase, s *side, at int) (figures, error) {
	f := figures{Job: c.name, Side: s.name, Round: at}
	if c.kind != "consume" && c.topic != grownTopic {
		if err := b.gobench(ctx, "create", "-brokers", s.brokers, "-topic", c.topic); err != nil {
			return f, err
		}
	}
	syncs, err := s.syncs(ctx)
	if err != nil {
		return f, err
	}
	cpu, err := harness.CPU(s.pid)
	if err != nil {
		return f, err
	}
	args := []string{c.kind, "-brokers", s.brokers, "-topic", c.topic, "-n", strconv.Itoa(c.records), "-size", strconv.Itoa(c.size)}
	if c.kind != "consume" {
		args = append(args, "-acks", c.acks, "-codec", c.codec)
	}
	told, err := b.tell(ctx, args...)
	if err != nil {
		return f, err
	}
	after, err := harness.CPU(s.pid)
	if err != nil {
		return f, err
	}
	f.CPUPerMillion = round((after - cpu).Seconds() / (float64(c.records) / 1e6))
	f.PerSecond, f.P50, f.P99 = told["records_per_s"], told["lat_p50"], told["lat_p99"]
	if f.RSSMB, f.PeakMB, err = harness.RSS(s.pid); err != nil {
		return f, err
	}
	if c.kind == "e2e" {
		now, err := s.syncs(ctx)
		if err != nil {
			return f, err
		}
		f.SyncP99 = round(now.since(syncs).quantile(0.99) * 1000)
	}
	return f, nil
}

// tell runs the load program and gives the figures of its last line.
func (b *bench) tell(ctx context.Context, args ...string) (map[string]float64, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(b.peers, "bin", "gobench"), args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("gobench %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	told := map[string]float64{}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &told); err != nil {
		return nil, fmt.Errorf("gobench said %q: %w", lines[len(lines)-1], err)
	}
	return told, nil
}

// grown measures whether cost grows with the log: the same produce and consume at about 1 GiB and, with -big, at twenty.
func (b *bench) grown(ctx context.Context, sides []side, big bool) error {
	times := []int{1}
	if big {
		times = append(times, grownTimes)
	}
	for i := range sides {
		if err := b.gobench(ctx, "create", "-brokers", sides[i].brokers, "-topic", grownTopic); err != nil {
			return err
		}
	}
	have := 0
	for _, target := range times {
		for ; have < target; have++ {
			for i := range sides {
				grow := logCase{name: "grow", kind: "produce", size: 1024, codec: "none", acks: "all", records: grownRecords, topic: grownTopic}
				if _, err := b.measure(ctx, grow, &sides[i], 0); err != nil {
					return err
				}
			}
		}
		for _, c := range []logCase{
			{name: fmt.Sprintf("produce-1k-none-at-%dGiB", target), kind: "produce", size: 1024, codec: "none", acks: "all", records: records1k / 2, topic: grownTopic, bar: barProduce},
			{name: fmt.Sprintf("consume-1k-none-at-%dGiB", target), kind: "consume", size: 1024, codec: "none", records: records1k, topic: grownTopic, bar: barConsume},
		} {
			if err := b.compare(ctx, c, sides); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	return nil
}

// buckets are a histogram's cumulative counts by upper bound in seconds, in order.
type buckets struct {
	bounds []float64
	counts []float64
}

// syncMetric is the node's histogram of sync rounds.
const syncMetric = "freshet_log_sync_seconds_bucket"

// metricsTimeout bounds a look at a node's metrics.
const metricsTimeout = 10 * time.Second

// syncs reads how long a side's syncs took so far; empty for a side that doesn't sync.
func (s *side) syncs(ctx context.Context) (buckets, error) {
	var out buckets
	if s.metrics == "" {
		return out, nil
	}
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.metrics, nil)
	if err != nil {
		return out, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return out, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return out, err
	}
	for line := range strings.Lines(string(text)) {
		var bound string
		var count float64
		rest, found := strings.CutPrefix(line, syncMetric+`{le="`)
		if !found {
			continue
		}
		bound, rest, _ = strings.Cut(rest, `"`)
		le, err := strconv.ParseFloat(bound, 64)
		if err == nil {
			_, err = fmt.Sscanf(rest, "} %g", &count)
		}
		if err != nil {
			return out, fmt.Errorf("metric %q: %w", line, err)
		}
		out.bounds, out.counts = append(out.bounds, le), append(out.counts, count)
	}
	if len(out.bounds) == 0 {
		return out, errors.New("the node doesn't tell " + syncMetric)
	}
	return out, nil
}

// since is what came after an earlier reading.
func (b buckets) since(before buckets) buckets {
	out := buckets{bounds: b.bounds, counts: append([]float64(nil), b.counts...)}
	for i := range before.counts {
		out.counts[i] -= before.counts[i]
	}
	return out
}

// quantile interpolates within the bucket that holds q; 0 without observations.
func (b buckets) quantile(q float64) float64 {
	if len(b.counts) == 0 || b.counts[len(b.counts)-1] == 0 {
		return 0
	}
	rank := q * b.counts[len(b.counts)-1]
	lower, below := 0.0, 0.0
	for i, count := range b.counts {
		if count >= rank {
			if math.IsInf(b.bounds[i], 1) {
				return lower
			}
			return lower + (b.bounds[i]-lower)*(rank-below)/(count-below)
		}
		lower, below = b.bounds[i], count
	}
	return lower
}
