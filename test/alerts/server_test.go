// Package alerts_test runs hinoban alertmanager beside the original: its own
// acceptance tests, crashes, and the figures.
package alerts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	buildOnce sync.Once
	builtAt   string
	errBuild  error
)

// binary builds the program once.
func binary(tb testing.TB) string {
	tb.Helper()
	buildOnce.Do(func() {
		dir, err := os.MkdirTemp("", "hinoban-bin") //nolint:usetesting // for all tests of the package
		if err != nil {
			errBuild = err
			return
		}
		builtAt = filepath.Join(dir, "hinoban")
		out, err := exec.CommandContext(context.Background(), "go", "build", "-o", builtAt, "github.com/hinoban/hinoban/cmd/hinoban").CombinedOutput()
		if err != nil {
			errBuild = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	if errBuild != nil {
		tb.Fatal(errBuild)
	}
	return builtAt
}

// process is an Alertmanager that runs: ours, or the original.
type process struct {
	tb   testing.TB
	cmd  *exec.Cmd
	url  string
	errs *bytes.Buffer
}

func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs a program with Alertmanager's flags and waits until it answers.
func start(tb testing.TB, program []string, config, data string, more ...string) *process {
	tb.Helper()
	addr := freePort(tb)
	file := filepath.Join(tb.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	args := append(slices.Clone(program[1:]), "--config.file="+file, "--storage.path="+data, "--web.listen-address="+addr, "--cluster.listen-address=")
	p := &process{tb: tb, cmd: exec.CommandContext(context.Background(), program[0], append(args, more...)...), url: "http://" + addr, errs: &bytes.Buffer{}} //nolint:gosec // what the test starts
	p.cmd.Stderr = p.errs
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { p.kill() })
	for deadline := time.Now().Add(30 * time.Second); ; {
		if res, err := http.Get(p.url + "/-/ready"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return p
			}
		}
		if time.Now().After(deadline) {
			tb.Fatalf("not ready:\n%s", p.errs)
		}
		<-time.After(5 * time.Millisecond) // waits for another process
	}
}

func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Signal(syscall.SIGKILL)
		_ = p.cmd.Wait()
	}
}

// post sends body and returns the status.
func post(ctx context.Context, client *http.Client, url string, body any) (int, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	return postBytes(ctx, client, url, b)
}

func postBytes(ctx context.Context, client *http.Client, url string, b []byte) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// metric reads one metric without labels.
func (p *process) metric(name string) float64 {
	p.tb.Helper()
	return p.metricOf(name)
}

// metricOf reads one metric by its name and labels.
func (p *process) metricOf(name string) float64 {
	p.tb.Helper()
	res, err := http.Get(p.url + "/metrics")
	if err != nil {
		p.tb.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.tb.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(b)
	if m == nil {
		p.tb.Fatalf("no metric %s", name)
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		p.tb.Fatal(err)
	}
	return v
}

// rss is the memory of the process that is not files, in MB.
func (p *process) rss() float64 {
	p.tb.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.tb.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				p.tb.Fatal(err)
			}
			return kb / 1024
		}
	}
	p.tb.Fatal("no VmRSS")
	return 0
}

// cpu is the processor time the process has used.
func (p *process) cpu() time.Duration {
	return time.Duration(p.metric("process_cpu_seconds_total") * float64(time.Second))
}

func TestMain(m *testing.M) {
	code := m.Run()
	if builtAt != "" {
		_ = os.RemoveAll(filepath.Dir(builtAt)) // a temporary folder
	}
	os.Exit(code)
}
