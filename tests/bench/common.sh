# SPDX-License-Identifier: BSD-2-Clause
# For the scripts beside it: what they need, a web server, and the best of several rounds.
# shellcheck shell=sh

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

need_root() { [ "$(id -u)" = 0 ] || die "needs root"; }

need() { # COMMAND...
	for tool; do
		command -v "$tool" >/dev/null || die "$tool is missing; ./dev setup --tests --bench installs it"
	done
}

# Of lines "CPU-TIME ELAPSED", the smallest of each.
best() { sort -n "$1" | head -1 | cut -d' ' -f1; }
fastest() { cut -d' ' -f2 "$1" | sort -n | head -1; }

# nginx, all of which ends when $nginx is killed. With a key for "ADDRESS ssl".
serve_web() { # FOLDER "WORKERS [OPTION;]..." LISTEN...
	web=$1 workers=$2 listens=
	shift 2
	for listen; do listens="$listens listen $listen;"; done
	case $listens in
	*" ssl;"*)
		openssl req -x509 -newkey rsa:2048 -nodes -keyout "$web/key.pem" -out "$web/cert.pem" \
			-days 2 -subj /CN=lab 2>/dev/null
		listens="$listens ssl_certificate cert.pem; ssl_certificate_key key.pem;"
		;;
	esac
	cat >"$web/nginx.conf" <<-END
		worker_processes $workers; daemon off; pid pid; error_log log;
		events { worker_connections 512; }
		http { access_log off; keepalive_requests 10000000; client_body_temp_path b; proxy_temp_path p;
		fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
		server { $listens location / { return 200 "hello\n"; } } }
	END
	unshare --pid --fork --kill-child nginx -p "$web" -c nginx.conf 2>/dev/null &
	# shellcheck disable=SC2034 # for whoever asked
	nginx=$!
	sleep 1
}
