# shellcheck shell=bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Ways to administrative access that somebody planted, for scan.sh: sourced there.
#   plant HOST          plants all of them at once
#   planted             prints "kind<TAB>place" for each, as `ztjit scan` shows it: FILE:LINE or FILE or account

PLANT_KEY='AAAAC3NzaC1lZDI1NTE5AAAAIGm1u3o7bRr4r8JzJp3pXWJm0QyYg8o1q2bq0sXo7QhN'
PLANT_CA='AAAAC3NzaC1lZDI1NTE5AAAAIPd4VdTqXo3vN2rX0bq9vYF1n0kqFf7bq2m3o4p5q6r7'

planted() {
	cat <<-'LIST'
		sudoers	/etc/sudoers:901
		sudoers	/etc/sudoers.d/deploy:2
		sudoers	/etc/sudoers.d/deploy:4
		sudoers	/etc/sudoers.d/nested:1
		sudoers	/etc/sudoers.more:1
		sudoers	/etc/sudoers.d/twice:1
		sudo	/etc/sudo.conf:90
		doas	/etc/doas.conf:1
		key	/root/.ssh/authorized_keys:2
		key	/home/mallory/.ssh/authorized_keys2:1
		key	/etc/keys/mallory:1
		sshd	/etc/ssh/sshd_config.d/90-careless.conf:2
		sshd	/etc/ssh/sshd_config.d/90-careless.conf:3
		sshd	/etc/ssh/sshd_config.d/90-careless.conf:5
		rhosts	/root/.rhosts:1
		rhosts	/etc/hosts.equiv:1
		password	root
		password	nobodyelse
		password	games
		uid0	toor
		shell	games
		group	docker
		group	disk
		group	sudo
		group	shadow
		group	ztjit-root
		group	dkr
		group	/etc/userdb/mallory:docker.membership
		setuid	/usr/local/bin/rootsh
		setuid	/usr/bin/find
		setgid	/usr/local/bin/shadowy
		capability	/usr/local/bin/capsh2
		device	/var/tmp/sda
		writable	/etc/cron.d/backup
		writable	/opt/backup/run.sh
		writable	/etc/systemd/system/evil.service
		writable	/opt/daemon
		writable	/opt/hook.sh
		writable	/etc/profile.d/motd.sh
		writable	/usr/local/sbin
		writable	/var/spool/cron/crontabs/root
		writable	/root/.bashrc
		writable	/opt/rule.sh
		writable	/tmp/later.sh
		writable	/tmp/tool
		key	/home/guest/.ssh/authorized_keys:1
		linger	/var/lib/systemd/linger/mallory
		polkit	/etc/polkit-1/rules.d/00-all.rules:2
		polkit	/etc/polkit-1/rules.d/10-admins.rules:1
		pam	/etc/pam.d/chsh:1
		preload	/etc/ld.so.preload:1
		nfs	/etc/exports:2
		socket	/run/docker.sock
	LIST
}

plant() {
	lab_in "$1" bash -ec '
		key=$0 ca=$1
		useradd -m -s /bin/bash mallory
		useradd -M -s /bin/bash nobodyelse
		# sudo, doas
		yes "" | head -n $((900 - $(wc -l </etc/sudoers))) >>/etc/sudoers || true
		echo "mallory ALL=(ALL) ALL" >>/etc/sudoers
		printf "%s\n" "User_Alias OPS = mallory, nobodyelse" "OPS web=(root) NOPASSWD: /usr/bin/less, \\" \
			"    /usr/bin/vi" "Defaults:mallory !authenticate" "root ALL=(ALL) ALL" >/etc/sudoers.d/deploy
		printf "%s\n" "%friends ALL=(ALL) NOPASSWD: ALL" "@include ../sudoers.more" >/etc/sudoers.d/nested
		groupadd friends; gpasswd -a mallory friends
		echo "#1234 ALL=ALL" >/etc/sudoers.more
		echo "!!mallory ALL=(ALL) ALL" >/etc/sudoers.d/twice
		yes "" | head -n $((89 - $(wc -l </etc/sudo.conf))) >>/etc/sudo.conf || true
		echo "Plugin sudoers_policy /opt/policy.so" >>/etc/sudo.conf
		echo "permit nopass keepenv mallory as root" >/etc/doas.conf
		# ssh
		mkdir -p -m 700 /root/.ssh /home/mallory/.ssh; mkdir -p /etc/keys
		printf "%s\n" "# keys" "ssh-ed25519 $key me@home" >/root/.ssh/authorized_keys
		echo "cert-authority,principals=\"a,b\" ssh-ed25519 $ca" >/home/mallory/.ssh/authorized_keys2
		echo "command=\"/bin/sh\" ssh-ed25519 $key" >/etc/keys/mallory
		printf "%s\n" "AuthorizedKeysFile /etc/keys/%u" "TrustedUserCAKeys /etc/ssh/their_ca.pub" \
			"HostbasedAuthentication yes" "Match User mallory" "PermitRootLogin yes" >/etc/ssh/sshd_config.d/90-careless.conf
		echo "trusted.example root" >/root/.rhosts
		echo "trusted.example" >/etc/hosts.equiv
		# accounts and groups
		hash='\''$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7'\''
		usermod -p "$hash" root; usermod -p "$hash" games; usermod -s /bin/sh games
		usermod -p "" nobodyelse
		echo "toor:x:0:0::/root:/bin/sh" >>/etc/passwd
		for group in docker disk sudo shadow; do groupadd -f $group; done
		gpasswd -a mallory docker; gpasswd -a mallory disk; usermod -g shadow nobodyelse; gpasswd -a mallory ztjit-root
		gpasswd -a mallory sudo
		groupadd -o -g "$(getent group docker | cut -d: -f3)" dkr; gpasswd -a mallory dkr
		mkdir -p /etc/userdb; touch /etc/userdb/mallory:docker.membership
		# programs and devices
		install -m 4755 /bin/sh /usr/local/bin/rootsh
		chmod u+s /usr/bin/find
		install -g shadow -m 2755 /bin/cat /usr/local/bin/shadowy
		install -m 755 /bin/cat /usr/local/bin/capsh2
		setcap cap_setuid+ep /usr/local/bin/capsh2
		mknod -m 666 /var/tmp/sda b 8 0
		# what root runs
		mkdir -p /opt/backup /opt/daemon /etc/cron.d /etc/systemd/system/ssh.service.d /etc/udev/rules.d
		echo "0 3 * * * root test -d /opt && /opt/backup/run.sh >/dev/null" >/etc/cron.d/backup
		printf "#!/bin/sh\n" | tee /opt/backup/run.sh /opt/daemon/run /opt/hook.sh /opt/rule.sh >/dev/null
		chown mallory /opt/backup/run.sh; chmod 666 /etc/cron.d/backup
		mkdir /opt/data; chown mallory /opt/data; touch /tmp/tool; chmod 777 /tmp/tool
		printf "%s\n" "[Service]" "ExecStart=/opt/daemon/run" "ExecStartPre=/bin/sh -c \"/tmp/tool x\"" \
			"ExecStop=/usr/bin/du /opt/data" >/etc/systemd/system/evil.service
		chmod 666 /etc/systemd/system/evil.service; chmod 777 /opt/daemon
		printf "%s\n" "[Service]" "ExecStartPre=-/opt/hook.sh" >/etc/systemd/system/ssh.service.d/hook.conf
		chmod 777 /opt/hook.sh
		echo : >/etc/profile.d/motd.sh; chown mallory /etc/profile.d/motd.sh
		chmod 777 /usr/local/sbin
		mkdir -p /var/spool/cron/crontabs; echo "@daily true" >/var/spool/cron/crontabs/root
		chmod 602 /var/spool/cron/crontabs/root
		chown mallory /root/.bashrc
		echo "ACTION==\"add\", RUN+=\"/opt/rule.sh %k\"" >/etc/udev/rules.d/99-x.rules
		chown mallory /opt/rule.sh
		echo "@reboot root sh -c \"/tmp/later.sh\"" >/etc/cron.d/later
		mkdir -p /home/guest/.ssh; echo "ssh-rsa $ca" >/home/guest/.ssh/authorized_keys; chown -R 30000 /home/guest
		# services
		mkdir -p /var/lib/systemd/linger /etc/polkit-1/rules.d
		touch /var/lib/systemd/linger/mallory
		printf "%s\n" "polkit.addRule(function(action, subject) {" "  return polkit.Result.YES; });" >/etc/polkit-1/rules.d/00-all.rules
		echo "polkit.addAdminRule(function() { return [\"unix-user:mallory\"]; });" >/etc/polkit-1/rules.d/10-admins.rules
		sed -i "1i auth sufficient pam_permit.so" /etc/pam.d/chsh
		echo /opt/hook.so >/etc/ld.so.preload
		printf "%s\n" "# exports" "/srv *(rw,no_root_squash)" >/etc/exports
		perl -MIO::Socket::UNIX -e "IO::Socket::UNIX->new(Local => q(/run/docker.sock), Listen => 1) or die"
		chmod 666 /run/docker.sock
	' "$PLANT_KEY" "$PLANT_CA"
}
