// Command bench measures a running node: the engine's jobs, the log, point SELECTs, the way from a producer to a view.
//
// Every job prints one JSON line: CPU is the operating system's accounting of the server process, commits are on, output counts are checked.
// With -against-peers the same jobs run on Kafka and Kafka Streams in the same run and ratios are printed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/freshetdb/freshet/tests/harness"
)

// jobLog measures the log alone, side by side with the peer.
const jobLog = "log"

type bench struct {
	freshet, peers string
	bootstrap      string // a cluster that is the node's log; "": its own
	bids           int64
	dir            string
	node           *harness.Process
	sql            *sqlClient
	results        []harness.Result
}

func main() {
	var b bench
	var jobs string
	var against, big bool
	flag.StringVar(&b.freshet, "freshet", "bin/freshet", "the binary under test")
	flag.StringVar(&b.peers, "peers", "../shared/peers", "where the harness of the peers is")
	flag.StringVar(&jobs, "jobs", "q1,q2,tumble,produce,consume,point,latency", "what to run; log: the log alone, case by case; partitions: a node with 10,000")
	flag.StringVar(&b.bootstrap, "bootstrap", "", "HOST:PORT of a Kafka without the topics of the jobs, to be the node's log; for q1, q2, tumble and point")
	flag.Int64Var(&b.bids, "bids", 3_000_000, "bids of the data set")
	flag.BoolVar(&against, "against-peers", false, "run the peers too, and print ratios")
	flag.BoolVar(&big, "big", false, "let the job log grow a log to 20 GiB on each side")
	flag.Parse()
	ctx := context.Background()
	if err := b.run(ctx, strings.Split(jobs, ","), against, big); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, jobs []string, against, big bool) error {
	peers, err := preparePeers(b.peers)
	if err != nil {
		return err
	}
	b.peers = peers
	dir, err := os.MkdirTemp("", "freshet-bench-")
	if err != nil {
		return err
	}
	b.dir = dir
	defer func() { _ = os.RemoveAll(dir) }()
	if i := slices.Index(jobs, jobPartitions); i >= 0 { // with nodes of its own
		if err := b.partitionsJob(ctx, against); err != nil {
			return fmt.Errorf("%s: %w", jobPartitions, err)
		}
		if jobs = slices.Delete(jobs, i, i+1); len(jobs) == 0 {
			return nil
		}
	}
	if err := b.start(ctx); err != nil {
		return err
	}
	defer func() { _ = b.node.Stop() }()
	if i := slices.Index(jobs, jobLog); i >= 0 {
		if err := b.logJobs(ctx, against, big); err != nil {
			return err
		}
		if jobs = slices.Delete(jobs, i, i+1); len(jobs) == 0 {
			return nil
		}
	}
	for _, job := range jobs {
		if err := b.job(ctx, job); err != nil {
			return fmt.Errorf("%s: %w", job, err)
		}
	}
	if !against {
		return nil
	}
	return b.againstPeers(ctx, jobs)
}

// start brings a node up on an empty directory.
func (b *bench) start(ctx context.Context) error {
	ready, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	began := time.Now()
	var args []string
	if b.bootstrap != "" {
		args = append(args, "--bootstrap", b.bootstrap)
	}
	node, err := harness.StartProcess(ready, b.freshet, filepath.Join(b.dir, "data"), nil, args...)
	if err != nil {
		return err
	}
	b.node = node
	fmt.Printf("# ready in %d ms, kafka %s, postgres %s\n", time.Since(began).Milliseconds(), node.Kafka, node.Postgres)
	b.sql, err = dialSQL(ctx, node.Postgres)
	return err
}

// jobFunc runs a job and gives what is particular about it; the frame adds CPU, time and memory.
type jobFunc func(ctx context.Context, b *bench) (outcome, error)

// outcome is what a job processed and produced.
type outcome struct {
	records, output int64
	more            map[string]float64
}

func (b *bench) job(ctx context.Context, name string) error {
	jobs := map[string]jobFunc{
		"q1": q1, "q2": q2, "tumble": tumble, "produce": produce, "consume": consume, "point": point, "latency": latency,
		"recover": recoverView,
	}
	f, ok := jobs[name]
	if !ok {
		return errors.New("no such job")
	}
	if name == "q1" || name == "q2" || name == "tumble" {
		if err := b.load(ctx); err != nil {
			return err
		}
	}
	before, err := harness.CPU(b.node.Pid())
	if err != nil {
		return err
	}
	began := time.Now()
	out, err := f(ctx, b)
	if err != nil {
		return err
	}
	took := time.Since(began)
	after, err := harness.CPU(b.node.Pid())
	if err != nil {
		return err
	}
	if seconds, ok := out.more["measured_s"]; ok {
		took = time.Duration(seconds * float64(time.Second))
	}
	rss, _, err := harness.RSS(b.node.Pid())
	if err != nil {
		return err
	}
	r := harness.Result{
		Job: name, Records: out.records, RSSMB: rss, OutputRecords: out.output, More: out.more,
		CPUPerMillion: round(after.Seconds() - before.Seconds()), PerSecond: round(float64(out.records) / took.Seconds()),
	}
	if cpu, ok := out.more["measured_cpu_s"]; ok {
		r.CPUPerMillion = cpu
	}
	r.CPUPerMillion = round(r.CPUPerMillion / (float64(out.records) / 1e6))
	b.results = append(b.results, r)
	fmt.Println(r)
	return nil
}

func round(x float64) float64 { return float64(int64(x*1000+0.5)) / 1000 }

// preparePeers copies the harness of the peers to a place that may be written, once, and builds its generator.
func preparePeers(from string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	to := filepath.Join(cache, "realpeers")
	if _, err := os.Stat(to); err != nil {
		if _, err := os.Stat(from); err != nil {
			return "", fmt.Errorf("the data set's generator is not at %s: give -peers", from)
		}
		if out, err := exec.Command("cp", "-r", from, to).CombinedOutput(); err != nil {
			return "", fmt.Errorf("copy %s: %w: %s", from, err, out)
		}
		if out, err := exec.Command("chmod", "-R", "u+w", to).CombinedOutput(); err != nil {
			return "", fmt.Errorf("chmod: %w: %s", err, out)
		}
	}
	bin := filepath.Join(to, "bin", "gobench")
	if _, err := os.Stat(bin); err == nil {
		return to, nil
	}
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Dir = filepath.Join(to, "gobench")
	build.Env = append(os.Environ(), "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the generator: %w: %s", err, out)
	}
	return to, nil
}

// gobench runs the peers' generator and load program.
func (b *bench) gobench(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, filepath.Join(b.peers, "bin", "gobench"), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("gobench %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}
